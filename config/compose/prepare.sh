#!/usr/bin/env bash
# Writes what compose.yaml needs and git must not hold: random secrets, the two Redis configurations with them,
# a private CA with certificates for dovecot and postfix, and one mail user to try it with. Under var/compose/.
# What is there already is kept: running it again changes nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
umask 077
mkdir -p var/compose/{tls,dovecot,postfix}
cd var/compose
chmod 0755 tls dovecot postfix  # HAProxy and Dovecot's auth read them, and neither is root

random() { openssl rand -hex "${1:-32}"; }
# Files bound into a container are read by another user there; the folder above stays closed to this machine's others.
keep() { if [ -s "$1" ]; then cat > /dev/null; else cat > "$1"; chmod 0444 "$1"; fi; }

random 48 | keep secret_key
random 48 | keep outbox_key
random 24 | keep database_password
printf 'postgresql+psycopg://postern:%s@postgres/postern\n' "$(cat database_password)" | keep database_url

redis_config() {  # name, policy, persistence lines
  [ -s "$1.conf" ] && return
  local password
  password=$(random 24)
  printf 'redis://postern:%s@%s:6379/0\n' "$password" "$1" | keep "$1_url"
  keep "$1.conf" <<CONF
# Postern's user may do all it needs and nothing that empties or reconfigures the server.
user default off
user postern on >$password ~* &* +@all -@admin -@dangerous +info
maxmemory 256mb
maxmemory-policy $2
$3
CONF
}
redis_config redis noeviction $'appendonly yes\nappendfsync everysec\ndir /data'
redis_config cache allkeys-lru $'save ""\nappendonly no'

if [ ! -s ca.pem ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
    -subj '/CN=Postern compose CA' -keyout ca.key -out ca.pem 2>/dev/null
  chmod 0444 ca.pem
fi
for name in dovecot postfix; do
  [ -s "$name/certificate.pem" ] && continue
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
    -keyout "$name/key.pem" -out "$name/request.pem" 2>/dev/null
  openssl x509 -req -in "$name/request.pem" -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 \
    -extfile <(printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth\n' "$name") \
    -out "$name/certificate.pem" 2>/dev/null
  rm "$name/request.pem"
done

if [ ! -s dovecot/users ]; then
  password=$(random 6)
  printf 'alice@example.net:{PLAIN}%s\n' "$password" | keep dovecot/users
  echo "To sign in: alice@example.net with the password $password (var/compose/dovecot/users)"
fi
echo "Ready: docker compose up --build"
