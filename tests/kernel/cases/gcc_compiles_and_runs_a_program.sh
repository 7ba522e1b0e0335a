# Compiling writes, seeks and maps; running maps the program from the mount.
serve --portmap=off --export "$EXPORT,$ALLOW"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
cd /mnt
printf '#include <stdio.h>\n#include "answer.h"\nint main(void) { printf("%%d\\n", ANSWER); return 0; }\n' > main.c
echo '#define ANSWER 42' > answer.h
gcc -O1 -c main.c
gcc -o program main.o
equal "the program says" "$(./program)" 42
rm main.o
END
equal "the program says, run by the host" "$("$EXPORT/program")" 42
