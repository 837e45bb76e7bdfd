# expect: timeout
# limits: wall=0.3
trap '' TERM INT HUP
sleep 1000
