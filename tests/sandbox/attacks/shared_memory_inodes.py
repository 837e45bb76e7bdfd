# expect: exit
import os
path = "/dev/shm"
for i in range(100000):
    if i % 500 == 0:
        path += "/d"
        os.mkdir(path)
    os.mkdir("%s/%d" % (path, i))
