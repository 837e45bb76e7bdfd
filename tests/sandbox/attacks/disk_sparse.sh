# expect: disk_limit
exec truncate -s 1T sparse
