# expect: memory
# expect without cgroups: memory | exit
# Files of /dev/shm that no process maps.
for i in range(200):
    with open("/dev/shm/%d" % i, "wb") as file:
        for j in range(3):
            file.write(bytes(1 << 20))
