# 255 bytes, spaces, newlines, bytes that are no UTF-8, and a deep tree.
serve --portmap=off --export "$EXPORT,$ALLOW"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
cd /mnt
long=$(printf 'n%.0s' {1..255})
echo long > "$long"
refused touch "${long}x"
touch ' ' $'new\nline' $'\377\376' '*' ./-rf 'ä' $'a\314\210'
deep=$(printf 'directory/%.0s' {1..60})
mkdir -p "$deep"
echo bottom > "$deep/file"
cd "$deep"
equal "content at the bottom" "$(cat file)" bottom
equal "the way up" "$(pwd -P)" "/mnt/${deep%/}"
attributes /mnt > "$SHARED/attributes"
END
equal "attributes on both sides" "$(attributes "$EXPORT")" "$(cat "$SHARED/attributes")"
equal "names" "$(find "$EXPORT" -maxdepth 1 -printf x | wc -c)" 10
