/* STREAM's triad beside ours: c = a + 3b over arrays of a given size, first touched by the thread that works, until the time is over.
 * Prints mean and best bandwidth in MB/s, counted as STREAM does. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

__attribute__((noinline)) static void triad(const double *restrict a, const double *restrict b, double *restrict c,
                                            size_t count) {
    for (size_t place = 0; place < count; place++)
        c[place] = a[place] + 3.0 * b[place];
}

int main(int arguments, char **words) {
    if (arguments != 3)
        return fprintf(stderr, "triad BYTES SECONDS\n"), 64;
    size_t count = strtoull(words[1], NULL, 10) / sizeof(double);
    double seconds = strtod(words[2], NULL);
    double *a = malloc(count * sizeof *a), *b = malloc(count * sizeof *b), *c = malloc(count * sizeof *c);
    if (!a || !b || !c)
        return fprintf(stderr, "no memory\n"), 1;
    for (size_t place = 0; place < count; place++)
        a[place] = 1.5, b[place] = 0.25, c[place] = 0.0;
    double bytes = 3.0 * count * sizeof(double), sum = 0, best = 0;
    size_t passes = 0;
    for (double end = now() + seconds; now() < end; passes++) {
        double begin = now();
        triad(a, b, c, count);
        double rate = bytes / 1e6 / (now() - begin);
        sum += rate;
        best = rate > best ? rate : best;
    }
    if (c[count / 2] != 2.25)
        return fprintf(stderr, "wrong result\n"), 1;
    printf("%f %f\n", sum / passes, best);
    return 0;
}
