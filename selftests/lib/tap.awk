# SPDX-License-Identifier: BSD-2-Clause
# One test file's output → numbered result lines, and a line of counts for the runner.
#
#	awk -v name=unit/test_x -v first=1 -v rc=0 -v trouble="" -v limit=300 -f tap.awk LOG
#
# Prints "ok N - NAME: SENTENCE" lines, then "= PASSED FAILED SKIPPED". Whatever makes the file as a
# whole untrustworthy (crash, time-out, exit code, plan) is one failed result more.
# `trouble` is what the runner itself saw: "time-out" or "".

function result(verdict, text)
{
	printf "%s %d - %s%s\n", verdict, first + count++, name, text == "" ? "" : ": " text
}

function sentence(line)
{
	sub(/^(not )?ok *[0-9]*/, "", line)
	sub(/^ *-? */, "", line)
	gsub(/\r/, "", line)
	return line
}

function why(text)
{
	reasons = reasons == "" ? text : reasons ", " text
}

# Several plans in one file add up: cmocka prints one a group.
/^1\.\.[0-9]+/ {
	planned += substr($1, 4)
	plans++
	if ($0 ~ /^1\.\.0.*# *[Ss][Kk][Ii][Pp]/) {
		text = $0
		sub(/.*# *[Ss][Kk][Ii][Pp]:? */, "", text)
		result("ok", "# SKIP " text)
		skipped++
		whole = 1
	}
	next
}

/^ok([ \t]|$)/ {
	seen++
	if ($0 ~ /# *[Ss][Kk][Ii][Pp]/) {
		skipped++
	} else {
		passed++
	}
	result("ok", sentence($0))
	next
}

/^not ok([ \t]|$)/ {
	seen++
	failed++
	result("not ok", sentence($0))
	next
}

/^Bail out!/ {
	why("bailed out:" substr($0, 10))
}

END {
	split("HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM", signals, " ")
	if (trouble == "time-out") {
		why("timed out after " limit " s")
	} else if (rc > 128 && rc < 160) {
		why("killed by signal " (rc - 128) (signals[rc - 128] ? " (SIG" signals[rc - 128] ")" : ""))
	} else if (rc != 0 && !failed) {
		why("exit code " rc " though no test failed")
	}
	if (!whole) {
		if (!plans) {
			why("no plan")
		} else if (planned != seen) {
			why("planned " planned " tests, ran " seen + 0)
		}
		if (!seen) {
			why("no test ran")
		}
	}
	if (reasons != "") {
		failed++
		result("not ok", "the file as a whole (" reasons ")")
	}
	printf "= %d %d %d\n", passed, failed, skipped
}
