# compiled.sh - what the checks share that have clang read every C file; sourced by them after lint.sh.
# shellcheck shell=bash disable=SC2034
#
# A file that passed is read again when it changes, or a header that it includes, or the command that compiles it,
# or the check. The build has noted which headers a file includes (`ninja -t deps`). Each file gets a manifest of all
# this; lint/CHECK/passed in the build's folder has an empty file, named by its sum, for each manifest that passed.

build=${LOOPNFS_BUILD_DIR:?}

# commands: a line for every C file of the house that the build compiles: path, tab, command.
commands() {
    awk -v house="$PWD/" -v build="$build/" '
        /^  "command": / {
            command = $0
            gsub(/^  "command": "|",$/, "", command)
            gsub(/\\"/, "\"", command)
            gsub(/\\\\/, "\\", command)
        }
        /^  "file": / {
            file = $0
            gsub(/^  "file": "|",?$/, "", file)
            if (index(file, house) == 1 && index(file, build) != 1 && !seen[file]++)
                print substr(file, length(house) + 1) "\t" command
        }' "$build/compile_commands.json"
}

# manifests FOLDER CHECK: writes them into FOLDER, where a "/" of a path is a "%". Lines: the path; the command; CHECK,
# which says what is looked for; then each file that the compiler read, with its sum.
manifests() {
    local folder=$1 check=$2
    ninja -C "$build" -t deps > "$folder.deps"
    awk -v folder="$folder" -v check="$check" -v now="$(date +%s)" \
        -v house="$PWD/" -v up="$(realpath --relative-to="$build" .)/" '
        function sheet(path) {
            gsub(/\//, "%", path)
            return folder "/" path
        }
        part == "commands" {
            path = substr($0, 1, index($0, "\t") - 1)
            print path "\n" substr($0, index($0, "\t") + 1) "\n" check > sheet(path)
            close(sheet(path))
            waits[path] = 1
            next
        }
        part == "sums" { sum[substr($0, 67)] = $1; next }
        # An object begins. The first file below it is its source; the first object of a source will do.
        /^[^ ]/ { if (path) close(sheet(path)); path = ""; begins = 1; next }
        /^ / {
            sub(/^ +/, "")
            if (begins) {
                path = $0
                if (index(path, house) == 1)
                    path = substr(path, length(house) + 1)
                else if (index(path, up) == 1)
                    path = substr(path, length(up) + 1)
                if (!(path in waits))
                    path = ""
                delete waits[path]
                begins = 0
            }
            if (path)
                print $0, sum[$0] >> sheet(path)
        }
        END {
            for (path in waits)
                print "not compiled yet, at " now >> sheet(path)
        }' part=commands <(commands) part=sums \
        <(cd "$build" && sed -n 's/^ \+//p' "$folder.deps" | sort -u | xargs -d '\n' sha256sum 2> /dev/null) \
        part=deps "$folder.deps"
}

# read_by_clang NAME CHECK: calls `look PATH COMMAND` for each file that has not passed, for as many at once as there are
# processors. CHECK has all on which its verdict depends beside the file and its command. Sets count.
read_by_clang() {
    local folder=$build/lint/$1
    rm -rf "$folder/now"
    mkdir -p "$folder/now" "$folder/passed"
    manifests "$folder/now" "$2"
    export -f look look_once
    export build passed=$folder/passed
    (cd "$folder/now" && sha256sum -- *) | awk -v folder="$folder" '{
            sum = $1
            sub(/^[^ ]* ./, "")
            print sum
            print folder "/now/" $0
        }' | xargs -d '\n' -n 2 -P "$(nproc)" bash -c 'look_once "$@"' look_once || problems=1
    count=$(find "$folder/now" -type f | wc -l)
}

# look_once SUM MANIFEST
look_once() {
    [ ! -e "$passed/$1" ] || return 0
    local path command
    { read -r path; IFS= read -r command; } < "$2"
    if look "$path" "$command"; then
        : > "$passed/$1"
    else
        echo "$path: see above"
        return 1
    fi
}
