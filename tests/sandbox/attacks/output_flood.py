# expect: output_limit
# limits: cpu=5
while True:
    print("flood" * 1000)
