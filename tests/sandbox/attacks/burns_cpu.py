# expect: timeout
# limits: cpu=0.2
while True:
    pass
