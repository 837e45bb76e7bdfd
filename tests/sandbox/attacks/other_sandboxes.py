# expect: ok
# A sandbox with a secret is alive beside this one.
import os
from attack import escaped
for top in ("/work", "/tmp", "/dev", "/etc", "/"):
    for folder, folders, files in os.walk(top, followlinks=False):
        if folder.startswith("/usr") or folder.startswith("/lib") or folder.startswith("/bin"):
            folders.clear()
            continue
        for name in files:
            if name.startswith("secret"):
                escaped("found " + folder + "/" + name)
