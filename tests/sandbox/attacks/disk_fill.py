# expect: disk_limit
for i in range(1000):
    with open("f%d" % i, "wb", buffering=0) as f:
        f.write(bytes(1 << 20))
        f.flush()
        assert f.tell() == 1 << 20
