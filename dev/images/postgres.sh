# What the entrypoint of the image `postgres` does, as far as the chart uses it: makes the database where there is none, then
# becomes the server. The image listens everywhere; here pods share one network, so it listens at its pod's address.
set -e
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb -D "$PGDATA" -U postgres --pwfile="$POSTGRES_PASSWORD_FILE" --auth-host=scram-sha-256 --encoding=UTF8 \
    --locale=C --no-sync --no-instructions
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  single() {
    postgres --single -j -c exit_on_error=on -D "$PGDATA" "$1"
  }
  echo "CREATE DATABASE \"$POSTGRES_DB\"" | single postgres
  for file in /docker-entrypoint-initdb.d/*.sql; do single "$POSTGRES_DB" < "$file"; done
fi
exec postgres -D "$PGDATA" -c listen_addresses="$HOSTNAME" -c unix_socket_directories=/var/run/postgresql -c fsync=off
