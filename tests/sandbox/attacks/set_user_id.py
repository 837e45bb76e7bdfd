# expect: ok
import os, shutil, subprocess
from attack import escaped, fails, refused
for target in ("/usr/bin/su", "/usr/bin/mount", "/usr/bin/passwd"):
    fails("link", os.link, target, "linked")
shutil.copy("/usr/bin/id", "id")
os.chmod("id", 0o6755)
if "uid=1000" not in subprocess.run(["./id"], capture_output=True, text=True).stdout:
    escaped("set-user-ID")
if subprocess.run(["/usr/bin/su", "root", "-c", "id"], stdin=subprocess.DEVNULL,
                  capture_output=True).returncode == 0:
    escaped("su")
for what, number in dict(setuid=105, setgid=106, setreuid=113, setregid=114, setresuid=117,
                         setresgid=119, setgroups=116, setfsuid=122, capset=126).items():
    refused(what, number, 0, 0, 0)
refused("setxattr", 188, b"id", b"security.capability", bytes(20), 20, 0)
fails("chown", os.chown, "id", 0, 0)
