# expect: timeout
# limits: cpu=0.2
exec /bin/sh "$0"
