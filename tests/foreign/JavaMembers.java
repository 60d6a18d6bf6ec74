import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Members of a consumer group for group_members.py, a thread each:
 *
 *   JavaMembers BOOTSTRAP TOPIC GROUP ASSIGNOR NAME[=INSTANCE] ...
 *
 * They tell what confluent_member.py tells. "leave NAME" on standard input makes one leave, its end
 * all.
 */
public final class JavaMembers implements Runnable, ConsumerRebalanceListener {
    private static final Duration POLL = Duration.ofMillis(100);
    private static final long COMMIT_NANOS = 300_000_000L;

    private final String topic;
    private final String name;
    private final Properties settings = new Properties();
    private final Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();
    private KafkaConsumer<byte[], byte[]> consumer;
    private volatile boolean leaves;

    private JavaMembers(String[] words, String who) {
        String[] parts = who.split("=");
        topic = words[1];
        name = parts[0];
        settings.put("bootstrap.servers", words[0]);
        settings.put("group.id", words[2]);
        settings.put("client.id", name);
        settings.put("partition.assignment.strategy",
            "org.apache.kafka.clients.consumer." + words[3]);
        settings.put("enable.auto.commit", "false");
        settings.put("auto.offset.reset", "earliest");
        settings.put("session.timeout.ms", "6000");
        settings.put("heartbeat.interval.ms", "500");
        settings.put("max.poll.interval.ms", "20000");
        settings.put("fetch.max.wait.ms", "100");
        if (parts.length > 1) {
            settings.put("group.instance.id", parts[1]);
            settings.put("session.timeout.ms", "20000");
        }
    }

    public static void main(String[] words) throws Exception {
        Map<String, JavaMembers> members = new ConcurrentHashMap<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 4; i < words.length; i++) {
            JavaMembers member = new JavaMembers(words, words[i]);
            Thread thread = new Thread(member, member.name);
            members.put(member.name, member);
            threads.add(thread);
            thread.start();
        }
        BufferedReader in =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine())
            members.get(line.split(" ")[1]).leaves = true;
        for (JavaMembers member : members.values())
            member.leaves = true;
        for (Thread thread : threads)
            thread.join();
    }

    private void tell(String what, Iterable<?> words) {
        StringBuilder line = new StringBuilder();
        line.append(String.format("%.6f %s %s", System.nanoTime() / 1e9, name, what));
        for (Object word : words)
            line.append(' ').append(word);
        synchronized (System.out) {
            System.out.println(line);
            System.out.flush();
        }
    }

    private static List<Integer> numbers(Collection<TopicPartition> places) {
        List<Integer> numbers = new ArrayList<>();
        for (TopicPartition place : places)
            numbers.add(place.partition());
        return numbers;
    }

    private void commit(Collection<TopicPartition> places) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (TopicPartition place : places)
            if (positions.containsKey(place))
                offsets.put(place, positions.get(place));
        if (offsets.isEmpty())
            return;
        try {
            consumer.commitSync(offsets);
            positions.keySet().removeAll(offsets.keySet());
            offsets.forEach((place, offset) ->
                tell("committed", List.of(place.partition(), offset.offset())));
        } catch (RuntimeException refused) {
            tell("refused", List.of(refused.getClass().getSimpleName()));
        }
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> places) {
        List<Integer> words = numbers(places);
        words.add(0, consumer.groupMetadata().generationId());
        tell("assigned", words);
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> places) {
        commit(places);
        positions.keySet().removeAll(places);
        tell("revoked", numbers(places));
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> places) {
        positions.keySet().removeAll(places);
        tell("lost", numbers(places));
    }

    @Override
    public void run() {
        consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(),
            new ByteArrayDeserializer());
        long due = System.nanoTime() + COMMIT_NANOS;
        consumer.subscribe(List.of(topic), this);
        while (!leaves) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                tell("record", List.of(record.partition(), record.offset()));
                positions.put(new TopicPartition(topic, record.partition()),
                    new OffsetAndMetadata(record.offset() + 1));
            }
            if (System.nanoTime() > due) {
                commit(new ArrayList<>(positions.keySet()));
                due = System.nanoTime() + COMMIT_NANOS;
            }
        }
        consumer.close();
        tell("left", List.of());
    }
}
