# expect: process_limit
# expect without cgroups: process_limit | exit | timeout
# limits: cpu=1
bomb() { bomb | bomb; }
bomb
