"""What share of all CPU time was busy, and what share stolen, while this ran: an independent reading of /proc/stat.

Usage: cpu_time.py START STOP. Looks once the file START is there, and again once STOP is; prints two shares.
"""

import os
import sys
import time


def ticks():
    with open("/proc/stat") as stat:
        fields = [int(word) for word in stat.readline().split()[1:9]]
    user, nice, system, idle, iowait, irq, softirq, steal = fields
    return sum(fields), user + nice + system + irq + softirq + steal, steal


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.001)


start, stop = sys.argv[1:]
wait_for(start)
before = ticks()
wait_for(stop)
after = ticks()
total, busy, stolen = (now - then for now, then in zip(after, before))
print(busy / total, stolen / total)
