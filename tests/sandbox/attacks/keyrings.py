# expect: ok
from attack import refused
refused("add_key", 248, b"user", b"name", b"x", 1, -3 & 0xffffffff)
refused("request_key", 249, b"user", b"name", 0, 0)
for operation in range(32):
    refused("keyctl", 250, operation, -3 & 0xffffffff, 0, 0, 0)
