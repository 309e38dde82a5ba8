"""What share of all CPU time was busy, and what share stolen: an independent reading of /proc/stat.

Usage: cpu_time.py START SECONDS. Looks once the file START is there, and again so many seconds later by its own clock; prints
two shares.
"""

import os
import sys
import time


def ticks():
    with open("/proc/stat") as stat:
        fields = [int(word) for word in stat.readline().split()[1:9]]
    user, nice, system, idle, iowait, irq, softirq, steal = fields
    return sum(fields), user + nice + system + irq + softirq + steal, steal


start, seconds = sys.argv[1], float(sys.argv[2])
while not os.path.exists(start):
    time.sleep(0.001)
begun, before = time.monotonic(), ticks()
time.sleep(max(0.0, begun + seconds - time.monotonic()))
after = ticks()
total, busy, stolen = (now - then for now, then in zip(after, before))
print(busy / total, stolen / total)
