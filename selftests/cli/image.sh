#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# time-limit: 600
# The images of the shop example, built for real; then each one's server is started in its root, on
# loopback of a network namespace of its own. Packages are kept in the build folder for the next run.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
command -v apt-get >/dev/null || skip_all "apt-get"
ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 || skip_all "package lists of apt (apt-get update)"
[ -x "$O/examples/shop-api" ] || skip_all "libmicrohttpd and hiredis"
if [ -z "${RAST_TEST_HOST:-}" ]; then
	unshare -nm true 2>/dev/null || skip_all "network and mount namespaces"
fi
export RAST_INSTANCE=timage RAST_DEB_CACHE=$O/cache
B="$O/bin/rastbpf" L=/var/lib/timage Y=docs/examples/shop/images.yaml
R=$L/images
tmp=$(mktemp -d)
# Fetching is all that needs the network: it is done once before this script leaves it.
if [ -z "${RAST_TEST_HOST:-}" ]; then
	tap_cleanup 'rm -rf "$tmp" "$L"'
	rm -rf "$L"
	if ! $B image build -f $Y -I "$O/examples" >"$tmp/out" 2>"$tmp/err"; then
		grep -q 'cannot fetch' "$tmp/err" && skip_all "a Debian mirror: $(tail -n 1 "$tmp/err")"
		nok "the shop's images are built" "$(cat "$tmp/err")"
		tap_done
	fi
	# Not exec: the cleanup is ours.
	RAST_TEST_HOST=1 unshare -nm --propagation private "$0" "$@"
	exit $?
fi
pids=
tap_cleanup 'rm -rf "$tmp"'
tap_cleanup 'for p in $pids; do kill "$p" 2>/dev/null; done; for p in $pids; do wait "$p" 2>/dev/null; done'
ip link set lo up

check "a second build, without any network" $B image build -f $Y -I "$O/examples"
is "$($B -j image build -f $Y -I "$O/examples" | jq -c 'map(.built)')" '[false,false,false]' "makes nothing anew"
is "$($B -j image list | jq -c 'map(.name)')" '["shop-api","shop-db","shop-web"]' "list shows the three"
is "$($B -j image inspect shop-db | jq -c '[.config.command,.config.user,.config.working_dir,.config.ports]')" \
	'[["redis-server","/etc/redis/shop.conf"],"999:999","/data",[6379]]' "inspect shows the defaults for containers"
like "$($B -j image inspect shop-db | jq -r '.packages[]|.name+" "+.version')" '^redis-server .*7\.' "and the packages with versions"
is "$(readlink $R/shop-web/rootfs/bin)" usr/bin "/usr is merged"
is "$(stat -c %a $R/shop-web/rootfs/tmp)" 1777 "/tmp is everybody's"
is "$(find $R/*/rootfs -perm /6000 -type f | wc -l)" 0 "no file has set-id bits"
is "$(find $R/*/rootfs \( -type b -o -type c -o -type p \) | wc -l)" 0 "no device is made"
is "$(find $R/*/rootfs/usr/share/man $R/*/rootfs/usr/share/locale -type f 2>/dev/null | wc -l)" 0 "manual pages and translations are left out"
is "$(find $R/shop-db/rootfs/usr/bin -name 'perl*' | wc -l)" 0 "what the manifest removes is gone"
is "$(ls -d $R/*/rootfs.* 2>/dev/null)" "" "no half-made folder is left"

# inside IMAGE UID COMMAND...: read-only root, /proc, and tmpfs where the pod has emptyDir.
inside()
{
	image=$1 uid=$2
	shift 2
	unshare -m --propagation private sh -c '
		root=$1 uid=$2; shift 2
		mount --rbind "$root" "$root" || exit 1
		for d in run tmp var/lib/nginx data; do
			[ -d "$root/$d" ] && { mount -t tmpfs -o mode=1777 none "$root/$d" || exit 1; }
		done
		mount --bind /proc "$root/proc" && mount --bind /dev "$root/dev" || exit 1
		echo "127.0.0.1 localhost api.shop db.shop" >"$root/run/hosts"
		mount --bind "$root/run/hosts" "$root/etc/hosts" || exit 1
		mount -o remount,ro,bind "$root" || exit 1
		cd "$root"
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin REDIS_HOST=db.shop PORT=8081 chroot --userspec="$uid" . "$@"
	' sh "$R/$image/rootfs" "$uid" "$@"
}
get() { curl -fsS --noproxy '*' --max-time 5 "http://127.0.0.1:$1"; }

inside shop-db 999:999 redis-server /etc/redis/shop.conf --port 6379 >"$tmp/db" 2>&1 &
pids="$pids $!"
check "redis of the image answers" wait_for 20 inside shop-db 999:999 redis-cli ping
diag "$(grep -i 'error\|fail' "$tmp/db" | head -n 3)"
inside shop-api 1000:1000 shop-api >"$tmp/api" 2>&1 &
api=$!
pids="$pids $api"
check "the api answers" wait_for 20 get 8081/health
is "$(get 8081/count)" '{"count":0}' "it counts no items in the beginning"
sed 's/server api.shop:8080/server api.shop:8081/' $R/shop-web/rootfs/etc/nginx/shop.conf >"$tmp/conf"
# The pods have an address each; here both would want port 8080.
mount --bind "$tmp/conf" $R/shop-web/rootfs/etc/nginx/shop.conf
inside shop-web 33:33 nginx -e stderr -c /etc/nginx/shop.conf -g 'daemon off;' >"$tmp/web" 2>&1 &
web=$!
pids="$pids $web"
check "nginx answers as an ordinary user on a read-only root" wait_for 20 get 8080/
is "$(get 8080/)" "the shop is open" "with its own page"
is "$(curl -fsS --noproxy '*' --max-time 5 --data-raw 'a "chair"' http://127.0.0.1:8080/items)" '{"count":1}' \
	"an item posted through nginx reaches redis"
is "$(get 8080/items)" '{"items":["a \"chair\""]}' "and is listed"
is "$(inside shop-db 999:999 redis-cli lrange items 0 -1)" 'a "chair"' "as redis has it"
is "$(curl -s -o /dev/null -w '%{http_code}' --noproxy '*' -d "$(head -c 1025 /dev/zero | tr '\0' x)" http://127.0.0.1:8081/items)" 413 \
	"an item that is too long is refused"
inside shop-db 999:999 redis-cli shutdown nosave >/dev/null 2>&1
is "$(curl -s -o /dev/null -w '%{http_code}' --noproxy '*' --max-time 5 http://127.0.0.1:8080/items)" 503 \
	"without redis the answer is 503"
is "$(get 8080/)" "the shop is open" "and the front door stays open"
like "$(inside shop-web 33:33 nmap -n -Pn -sT -p 8080 127.0.0.1 2>&1)" '8080/tcp +open' "nmap of the image runs"
check "busybox of the image runs" inside shop-web 33:33 busybox true
like "$($B image rm shop-web 2>&1)" 'image shop-web is in use by process' "an image in use is not removed"
kill $web $api
wait $web $api 2>/dev/null
umount $R/shop-web/rootfs/etc/nginx/shop.conf

# Wrong manifests and interrupted builds. This namespace has no network but lo.
manifest() { printf 'apiVersion: rast.os/v1\nkind: Image\nmetadata: {name: %s}\nspec:\n' "$1"; cat; }
manifest broken >"$tmp/m.yaml" <<'END'
  packages:
    - busybox-static
    - nosuchpackage
END
like "$($B image build -f "$tmp/m.yaml" 2>&1)" 'm\.yaml:7:7: spec\.packages\[1\]: .*nosuchpackage' \
	"a package that does not exist is named with its line"
manifest offline >"$tmp/m.yaml" <<'END'
  packages: [hello]
END
out=$(RAST_DEB_CACHE=$tmp/cache $B image build -f "$tmp/m.yaml" 2>&1)
like "$out" 'cannot fetch 1? ?.*hello' "without network the error names what cannot be fetched"
is "$(ls $R | grep -c 'broken\|offline')" 0 "and no image is made"
manifest small >"$tmp/m.yaml" <<'END'
  packages: [busybox-static]
  command: [busybox]
END
(ulimit -f 1; $B image build -f "$tmp/m.yaml" >/dev/null 2>&1)
like "$($B image inspect small 2>&1)" 'no image small' "a build that died half-way has made no image"
check "the next one succeeds" $B image build -f "$tmp/m.yaml"
check "and what it made runs" env -i "$(command -v chroot)" $R/small/rootfs /bin/busybox true
sed -i 's/\[busybox\]/[busybox, sh]/' "$tmp/m.yaml"
is "$($B -j image build -f "$tmp/m.yaml" 2>/dev/null | jq -c '.[0].built')" true "a changed manifest makes the image anew"
check "an image that nobody uses is removed" $B image rm small
check_fails "once" $B image rm small
check_fails "a name that leads elsewhere is refused" $B image rm ../cache
tap_done
