import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * The Java client for java_test.py, with default settings but for what is asked:
 *
 *   brokers BOOTSTRAP
 *   produce BOOTSTRAP TOPIC PARTITION ACKS COMPRESSION     lines from standard input
 *   consume BOOTSTRAP TOPIC PARTITION beginning|OFFSET|time MS
 *   follow  BOOTSTRAP TOPIC PARTITION                      one record from the end on
 */
public final class JavaClient {
    private static final Duration POLL = Duration.ofSeconds(1);
    private static final long SECONDS_MAX = 60;

    public static void main(String[] words) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        switch (words[0]) {
            case "brokers":
                brokers(words[1], out);
                break;
            case "produce":
                produce(words);
                break;
            case "consume":
            case "follow":
                consume(words, out);
                break;
            default:
                throw new IllegalArgumentException(words[0]);
        }
        out.flush();
    }

    private static void brokers(String bootstrap, PrintStream out) throws Exception {
        try (Admin admin = Admin.create(Map.<String, Object>of("bootstrap.servers", bootstrap))) {
            for (Node node : admin.describeCluster().nodes().get())
                out.println(node.id());
        }
    }

    private static void produce(String[] words) throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", words[1]);
        // Without acks=all the client turns idempotence off by itself, unless it is asked for.
        settings.put("acks", words[4]);
        settings.put("compression.type", words[5]);
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            BufferedReader in = new BufferedReader(
                new InputStreamReader(System.in, StandardCharsets.UTF_8));
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (String line = in.readLine(); line != null; line = in.readLine())
                sent.add(producer.send(
                    new ProducerRecord<>(words[2], Integer.valueOf(words[3]), null, line)));
            for (Future<RecordMetadata> future : sent)
                future.get();
        }
    }

    private static void consume(String[] words, PrintStream out) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", words[1]);
        TopicPartition where = new TopicPartition(words[2], Integer.parseInt(words[3]));
        List<TopicPartition> all = List.of(where);
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            long end = consumer.endOffsets(all).get(where);
            consumer.assign(all);
            if (words[0].equals("follow")) {
                consumer.seekToEnd(all);
                end = consumer.position(where) + 1;
            } else if (words[4].equals("beginning")) {
                consumer.seekToBeginning(all);
            } else if (words[4].equals("time")) {
                consumer.seek(where, consumer.offsetsForTimes(
                    Map.of(where, Long.valueOf(words[5]))).get(where).offset());
            } else {
                consumer.seek(where, Long.parseLong(words[4]));
            }
            long deadline = System.nanoTime() + SECONDS_MAX * 1_000_000_000L;
            boolean done = false;
            while (consumer.position(where) < end && !done) {
                if (System.nanoTime() > deadline)
                    throw new IllegalStateException("nothing comes any more");
                for (ConsumerRecord<String, String> record : consumer.poll(POLL)) {
                    if (!done)
                        out.println(record.value());
                    done = words[0].equals("follow");
                }
            }
        }
    }
}
