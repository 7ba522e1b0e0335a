#!/bin/bash
# A C file opens with a comment that begins with its name; a script with a comment below "#!".
. "$(dirname "$0")/lint.sh"

mapfile -t files < <(sources '*.c' '*.h')
found < <(awk '
    FNR == 1 { opens = $0 == "/*" }
    FNR == 2 {
        n = split(FILENAME, path, "/")
        named[FILENAME] = opens && index($0, " * " path[n] " - ")
        nextfile
    }
    END {
        for (i = 1; i < ARGC; i++)
            if (!named[ARGV[i]])
                print ARGV[i] ": does not open with a comment \"FILE - what it is for\""
    }' "${files[@]}")

mapfile -t others < <(scripts; sources 'CMakeLists.txt' '*/CMakeLists.txt' '.clang-format' '.clang-tidy' | sort -u)
# A list of a room's files explains itself.
found < <(awk '
    { lines[FILENAME] = FNR }
    !(FILENAME in first) && !/^#(!|$| shellcheck)/ { first[FILENAME] = $0 }
    END {
        for (i = 1; i < ARGC; i++)
            if (first[ARGV[i]] !~ /^# ./ && (ARGV[i] !~ /\/CMakeLists.txt$/ || lines[ARGV[i]] > 6))
                print ARGV[i] ": does not open with a comment"
    }' "${others[@]}")
verdict "$((${#files[@]} + ${#others[@]})) files looked at"
