# expect: memory
# expect without cgroups: exit
hoard = []
while True:
    hoard.append(bytearray(1 << 20))
