# expect: denied
from attack import call, escaped
call(0x40000000 | 39)
escaped("an x32 call came back")
