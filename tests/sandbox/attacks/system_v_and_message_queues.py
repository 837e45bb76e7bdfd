# expect: ok
from attack import refused
refused("shmget", 29, 1, 4096, 0o1600)
refused("semget", 64, 1, 1, 0o1600)
refused("msgget", 68, 1, 0o1600)
refused("mq_open", 240, b"x", 0o102, 0o600, 0)
refused("shmat", 30, 0, 0, 0)
