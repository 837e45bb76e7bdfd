# expect: timeout
# limits: wall=0.3
kill -STOP $$
