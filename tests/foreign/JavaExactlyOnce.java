import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Consumes, works and produces exactly once, until SIGTERM:
 *
 *   JavaExactlyOnce BOOTSTRAP GROUP TRANSACTIONAL_ID IN OUT
 *
 * Whatever cannot be retried ends it with status 1: it is to be started again.
 */
public final class JavaExactlyOnce {
    private static final Duration POLL = Duration.ofMillis(200);
    private static volatile boolean stopping;
    private static volatile boolean stopped;

    public static void main(String[] words) {
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> end(main)));
        int status = 0;
        try {
            run(words);
        } catch (Exception failure) {
            System.err.println(failure);
            status = 1;
        }
        stopped = true;
        /* Within a shutdown exit would wait for ever, and its status is that of halt. */
        if (!stopping)
            System.exit(status);
    }

    /* The hook of SIGTERM: lets the transaction at hand come to its end. */
    private static void end(Thread main) {
        boolean asked = !stopped;
        stopping = true;
        try {
            main.join(30000);
        } catch (InterruptedException impossible) {
            return;
        }
        if (asked)
            Runtime.getRuntime().halt(0);
    }

    private static void run(String[] words) {
        Properties common = new Properties();
        common.put("bootstrap.servers", words[0]);
        common.put("key.deserializer", StringDeserializer.class.getName());
        common.put("value.deserializer", StringDeserializer.class.getName());
        common.put("key.serializer", StringSerializer.class.getName());
        common.put("value.serializer", StringSerializer.class.getName());
        Properties consuming = new Properties();
        consuming.putAll(common);
        consuming.put("group.id", words[1]);
        consuming.put("group.instance.id", words[2]);
        consuming.put("enable.auto.commit", "false");
        consuming.put("auto.offset.reset", "earliest");
        consuming.put("isolation.level", "read_committed");
        consuming.put("max.poll.records", "100");
        common.put("transactional.id", words[2]);
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(consuming);
             KafkaProducer<String, String> producer = new KafkaProducer<>(common)) {
            retried(producer::initTransactions);
            consumer.subscribe(List.of(words[3]));
            while (!stopping) {
                ConsumerRecords<String, String> records = consumer.poll(POLL);
                if (!records.isEmpty())
                    transact(producer, consumer, records, words[4]);
            }
        }
    }

    private static void transact(KafkaProducer<String, String> producer,
                                 KafkaConsumer<String, String> consumer,
                                 ConsumerRecords<String, String> records, String out) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        producer.beginTransaction();
        for (ConsumerRecord<String, String> record : records) {
            producer.send(new ProducerRecord<>(out, record.partition(), null,
                                               record.value().toUpperCase(Locale.ROOT)));
            offsets.put(new TopicPartition(record.topic(), record.partition()),
                        new OffsetAndMetadata(record.offset() + 1));
        }
        retried(() -> producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata()));
        retried(producer::commitTransaction);
    }

    /* A call whose time is up goes on; the same call waits for it. */
    private static void retried(Runnable step) {
        while (true) {
            try {
                step.run();
                return;
            } catch (TimeoutException again) {
                System.err.println(again);
            }
        }
    }
}
