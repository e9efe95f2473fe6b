# Reads "go test -v": a line for each package that passes, with the tests it skipped and why; all that one says that fails.
/^=== / { now = $3; next }
/^[[:space:]]+[^[:space:]]+\.go:[0-9]+: / { said[now] = $0; sub(/^[[:space:]]+/, "", said[now]) }
/^[[:space:]]*--- SKIP/ { skipped = skipped "  SKIPPED " $3 " " said[$3] "\n" }
{ all = all $0 "\n" }
/^(ok|\?|FAIL)[[:space:]]/ {
	printf "%s%s\n", ($1 == "FAIL" ? all : skipped), ($1 == "FAIL" ? "" : $0)
	all = skipped = ""
	delete said
}
END { printf "%s", all ~ /[^\n]/ && all !~ /^(FAIL|PASS)\n$/ ? all : "" }
