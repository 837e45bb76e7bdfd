# expect: disk_limit
for i in range(1000000):
    open("f%d" % i, "w").close()
