/* A pointer chase beside ours: loads each of which depends on the one before, over the 64-byte lines of a ring in the order of
 * Sattolo's algorithm, places named by 32 bits. Prints the mean time of a load in ns. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LINE = 16, LOADS = 1 << 18 };

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1e9 + at.tv_nsec;
}

static uint64_t state = 0x2545f4914f6cdd1dULL;

static uint64_t number(void) {
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dULL;
}

__attribute__((noinline)) static uint32_t chase(const uint32_t *ring, uint32_t at, size_t loads) {
    while (loads--)
        at = ring[at];
    return at;
}

int main(int arguments, char **words) {
    if (arguments != 3)
        return fprintf(stderr, "chase BYTES SECONDS\n"), 64;
    size_t lines = strtoull(words[1], NULL, 10) / 64;
    double seconds = strtod(words[2], NULL);
    uint32_t *ring = malloc(lines * 64);
    if (!ring)
        return fprintf(stderr, "no memory\n"), 1;
    for (size_t line = 0; line < lines; line++)
        for (size_t place = 0; place < LINE; place++)
            ring[line * LINE + place] = line * LINE;
    for (size_t line = lines - 1; line > 0; line--) {
        size_t other = (size_t)(((unsigned __int128)number() * line) >> 64);
        uint32_t next = ring[line * LINE];
        ring[line * LINE] = ring[other * LINE], ring[other * LINE] = next;
    }
    uint32_t at = lines <= LOADS ? chase(ring, 0, lines) : 0;
    double spent = 0, end = now() + seconds * 1e9;
    size_t batches = 0;
    for (; now() < end; batches++) {
        double begin = now();
        at = chase(ring, at, LOADS);
        spent += now() - begin;
    }
    printf("%f %u\n", spent / batches / LOADS, at);
    return 0;
}
