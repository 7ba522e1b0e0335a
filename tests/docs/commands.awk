# commands.awk - the commands that a document shows, one a line, as a reader would type them.
#
#   awk -f commands.awk docs/*.md docs/man/*.[1-8]
#
# In Markdown: lines of blocks indented by four, and code within a line that has a blank; in manual
# pages: .Bd -literal blocks and .Dl. A command is what begins with a word of `known`, perhaps after
# sudo; what else is in such places is C, a file or a figure. Prompts, comments at the end, and the
# line breaks of a command that goes on are taken off.
BEGIN {
    split("mount mount_nfs umount loopnfs loopnfsd loopnfs-conformance cmake make cc exec echo cat rm ls " \
        "mkdir cp export journalctl systemctl rpcinfo showmount chown printf nfs setenv kernel man " \
        "Enable-WindowsOptionalFeature nfsadmin dot_clean defaults git apt ldconfig", words, " ")
    for (i in words)
        known[words[i]] = 1
}

function command(text,    first, rest) {
    gsub(/^[ \t]+|[ \t]+$/, "", text)
    sub(/^(=>|iPXE>|host[$#]|guest#|[$#])[ ]+/, "", text)
    sub(/[ ][ ]+#.*$/, "", text)
    rest = text
    sub(/^sudo /, "", rest)
    first = rest
    sub(/[ ].*$/, "", first)
    if (first in known || first ~ /^(\.\/|bench\/|build\/|tests\/)[a-z]/)
        print text
}

# A line of a block: a command, or a part of one that goes on.
function line(text) {
    if (going != "" && !glued)
        sub(/^[ \t]+/, "", text)
    text = going text
    going = ""
    if (text ~ /\\$/) {
        glued = text !~ / \\$/
        sub(/[ ]*\\$/, glued ? "" : " ", text)
        going = text
        return
    }
    command(text)
}

FNR == 1 { fenced = literal = 0; going = "" }

FILENAME ~ /\.md$/ {
    if ($0 ~ /^ *```/) {
        fenced = !fenced
        next
    }
    if (fenced)
        next
    if ($0 ~ /^    [^ ]/) {
        line(substr($0, 5))
        next
    }
    rest = $0
    while (match(rest, /`[^`]+`/)) {
        code = substr(rest, RSTART + 1, RLENGTH - 2)
        if (code ~ / /)
            command(code)
        rest = substr(rest, RSTART + RLENGTH)
    }
    next
}

/^\.Bd -literal/ { literal = 1; next }
/^\.Ed/ { literal = 0; next }
literal || /^\.Dl / {
    sub(/^\.Dl /, "")
    gsub(/\\-/, "-")
    gsub(/\\e/, "\\")
    line($0)
}
