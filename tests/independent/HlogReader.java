// Reads what fleetmark wrote, by the HdrHistogram that others wrote, and prints what it read, a line each:
//   figures NAME COUNT P50 P99 MAX    quantiles as the top of their bucket; NAME is read@agent, read, *@agent or *
//   bucket NAME VALUE COUNT           a recorded value (the top of its bucket) and how often
//   span NAME FROM_MS TO_MS           when the first interval of a tag starts and the last ends, since 1970
// Usage: HlogReader log FILE          an interval log; what stands in tags is merged here
//        HlogReader histograms FILE   lines of NAME and a base64 V2 compressed histogram

import java.io.File;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Map;
import java.util.TreeMap;
import org.HdrHistogram.EncodableHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramIterationValue;
import org.HdrHistogram.HistogramLogReader;

public class HlogReader {
    private final Map<String, Histogram> histograms = new TreeMap<>();

    public static void main(String[] arguments) throws Exception {
        HlogReader reader = new HlogReader();
        if (arguments[0].equals("log")) {
            reader.readLog(new File(arguments[1]));
        } else {
            reader.readHistograms(Path.of(arguments[1]));
        }
        reader.histograms.forEach(HlogReader::print);
    }

    private void readLog(File file) throws Exception {
        HistogramLogReader log = new HistogramLogReader(file);
        EncodableHistogram interval;
        while ((interval = log.nextIntervalHistogram()) != null) {
            String tag = String.valueOf(interval.getTag());
            String[] parts = tag.split("@", 2);
            Histogram values = (Histogram) interval;
            for (String name : new String[] {tag, parts[0], "*@" + parts[1], "*"}) {
                add(name, values);
            }
        }
    }

    private void readHistograms(Path file) throws Exception {
        for (String line : Files.readAllLines(file)) {
            String[] words = line.split(" ");
            ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(words[1]));
            add(words[0], Histogram.decodeFromCompressedByteBuffer(bytes, 0));
        }
    }

    private void add(String name, Histogram values) {
        Histogram sum = histograms.computeIfAbsent(name, unused -> new Histogram(1, 3_600_000_000_000L, 3));
        boolean isFirst = sum.getTotalCount() == 0;
        long from = isFirst ? values.getStartTimeStamp() : Math.min(sum.getStartTimeStamp(), values.getStartTimeStamp());
        long to = isFirst ? values.getEndTimeStamp() : Math.max(sum.getEndTimeStamp(), values.getEndTimeStamp());
        sum.add(values);
        sum.setStartTimeStamp(from);
        sum.setEndTimeStamp(to);
    }

    private static void print(String name, Histogram values) {
        System.out.printf("figures %s %d %d %d %d%n", name, values.getTotalCount(),
            values.getValueAtPercentile(50), values.getValueAtPercentile(99), values.getMaxValue());
        System.out.printf("span %s %d %d%n", name, values.getStartTimeStamp(), values.getEndTimeStamp());
        for (HistogramIterationValue bucket : values.recordedValues()) {
            System.out.printf("bucket %s %d %d%n", name, bucket.getValueIteratedTo(), bucket.getCountAddedInThisIterationStep());
        }
    }
}
