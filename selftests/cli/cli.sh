#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The command line itself: usage errors, help, JSON errors, completion, a user who is not root.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/tap.sh
export RAST_INSTANCE=tcli
R=$O/bin/rastbpf
command -v jq >/dev/null || skip_all jq
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp" /run/$RAST_INSTANCE /var/lib/$RAST_INSTANCE'

# ARGS... : exit code, then what it said
said() { out=$("$R" "$@" 2>&1 </dev/null); rc=$?; }
usage() { # SENTENCE REGEX ARGS...
	local name=$1 want=$2
	shift 2
	said "$@"
	if [ $rc = 2 ]; then like "$out" "$want" "$name"; else nok "$name" "exit code $rc: $out"; fi
}
usage "no object is misuse" 'no object'
usage "a misspelt object is met with the near one" 'did you mean "policy"' polcy
usage "a misspelt verb is met with the near one" 'did you mean "show"' prog shwo
usage "a misspelt option is met with the near one" 'did you mean "?(--)?stats' prog show --stat5
usage "a word that is near nothing points to the help" 'rastbpf help' zzzzzzzz
usage "a missing argument shows the usage" 'usage: rastbpf map dump NAME' map dump
usage "one argument too many is named" 'unexpected argument "b"' prog show a b
usage "an option without its value is misuse" 'limit' map dump x --limit
usage "a number that is none is named" '"many"' map dump x --limit many
usage "an instance with a bad name is misuse" 'instance' --instance 'Bad/Name' prog show
said -j polcy
is "$rc $(jq -r '.error.code > 0 and (.error.text|length > 0)' <<<"$out" 2>/dev/null)" "2 true" "a usage error under -j is JSON"
said -j prog show --no-such
is "$rc $(jq -r '.error.text|length > 0' <<<"$out" 2>/dev/null)" "2 true" "an unknown option under -j is JSON"

said help
is $rc 0 "help exits with 0"
objects=$("$R" -j help | jq -r '.objects[].name')
[ "$(wc -w <<<"$objects")" -ge 10 ]
is $? 0 "help -j lists the objects"
for o in $objects; do
	bad=
	for form in "$o help" "help $o" "$o --help" "$o -h"; do
		# shellcheck disable=SC2086
		said $form
		[ $rc = 0 ] && grep -q "rastbpf $o" <<<"$out" || bad="$bad; $form: $rc $out"
	done
	is "$bad" "" "$o has help in every form"
	bad=
	for v in $("$R" -j help | jq -r --arg o "$o" '.objects[]|select(.name==$o)|.verbs[]|.name|select(.!="")'); do
		said "$o" "$v" --help
		[ $rc = 0 ] && grep -q "^Usage: rastbpf $o $v" <<<"$out" || bad="$bad; $v: $rc $out"
		said -j "$o" "$v" --help
		[ $rc = 0 ] && jq -e .name >/dev/null <<<"$out" || bad="$bad; -j $v: $rc $out"
	done
	is "$bad" "" "every verb of $o has help, as text and as JSON"
done
said --version
like "$rc $out" '^0 rastbpf [0-9]' "--version says it"

# Completion, as bash would ask for it.
"$R" completion bash >"$tmp/complete.bash"
check "the completion script is bash without errors" bash -n "$tmp/complete.bash"
words() { # WORDS... (the last one is being typed)
	bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rastbpf; printf "%s\n" "${COMPREPLY[@]}"' \
		- "$tmp/complete.bash" "$R" "$@" 2>&1
}
is "$(words '' | sort | grep -v '^help$')" "$(sort <<<"$objects")" "completion offers all objects"
is "$(words pro)" prog "completion completes an object"
like "$(words map '' | tr '\n' ' ')" 'show .*dump' "completion offers the verbs of an object"
is "$(words map du)" dump "completion completes a verb"
is "$(words prog show --sta)" --stats "completion completes an option of a verb"
like "$(words prog show -- | tr '\n' ' ')" '--instance' "completion offers the options of every command"
: >"$tmp/policy.yaml"
is "$(words policy apply -f "$tmp/pol")" "$tmp/policy.yaml" "completion completes files where files are wanted"

# Not root. The build folder need not be readable to others, so a copy is run.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	cp "$R"* "$tmp/" && chmod 755 "$tmp" "$tmp"/rastbpf*
	as() { out=$(setpriv --reuid 65534 --regid 65534 --clear-groups "$tmp/rastbpf" "$@" 2>&1 </dev/null); rc=$?; }
	for c in "prog show" "map show" "map dump x" "link show" "feature show" "account show"; do
		# shellcheck disable=SC2086
		as $c
		is "$rc $(wc -l <<<"$out") $(grep -c 'root' <<<"$out")" "1 1 1" "$c without root is one clear error"
	done
	as -j prog show
	is "$rc $(jq -r '.error.code' <<<"$out")" "1 1" "an error for want of root under -j is JSON with its errno"
	as help
	is $rc 0 "help needs no root"
else
	skip "commands without root give one clear error" "root and setpriv"
fi

# Nothing reads, or cannot be written.
if [ -e /dev/full ]; then
	"$R" help >/dev/full 2>"$tmp/err"
	is "$? $(grep -c 'No space' "$tmp/err")" "1 1" "output that cannot be written is an error"
fi
tap_done
