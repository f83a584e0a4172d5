# Doxygen's filter of headers: the indented lines of a comment (examples, tables of shapes) stay as they are written.
function is_indented(line) { return line ~ /^ *\/\/\/   +[^ ]/ }

function put(line, next_line) {
  if (is_indented(line)) {
    if (!inside) sub(/\/\/\/ /, "/// @verbatim ", line)
    inside = is_indented(next_line)
    if (!inside) line = line " @endverbatim"
  }
  print line
}

NR > 1 { put(previous, $0) }
{ previous = $0 }
END { if (NR > 0) put(previous, "") }
