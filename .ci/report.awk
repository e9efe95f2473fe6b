# Reads "go test -v": a line for each package that passes, with the tests it skipped and why; all that one says that fails.
/^=== (RUN|PAUSE|CONT|NAME)/ { next }
/^[[:space:]]*--- SKIP/ { skipped = skipped "  SKIPPED " $3 ": " why "\n" }
{ all = all $0 "\n"; why = $0; sub(/^[[:space:]]+/, "", why) }
/^(ok|\?|FAIL)[[:space:]]/ {
	printf "%s%s\n", ($1 == "FAIL" ? all : skipped), ($1 == "FAIL" ? "" : $0)
	all = skipped = ""
}
END { printf "%s", all ~ /[^\n]/ && all !~ /^(FAIL|PASS)\n$/ ? all : "" }
