# expect: memory
# expect without cgroups: exit | memory
hoard = []
while True:
    hoard.append(bytearray(1 << 20))
