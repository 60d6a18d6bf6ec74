import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.GroupSubscription;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.StickyAssignor;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;

/** What the Java client's assignors give the groups that assignors_test.py describes, line by line. */
public final class JavaAssignors {
    private static final Map<String, Node> nodes = new HashMap<>();
    private static String assignor;
    private static final List<PartitionInfo> partitions = new ArrayList<>();
    private static final Map<String, Subscription> members = new LinkedHashMap<>();

    private static Node in(String rack) {
        return nodes.computeIfAbsent(rack, r -> new Node(nodes.size(), "h", 1, r.equals(".") ? null : r));
    }

    private static void topic(String[] words) {
        for (int i = 2; i < words.length; i++) {
            Node[] replicas = Arrays.stream(words[i].split(",")).map(JavaAssignors::in).toArray(Node[]::new);
            partitions.add(new PartitionInfo(words[1], i - 2, replicas[0], replicas, replicas));
        }
    }

    /** What a member of a sticky group says that it had; others say it in their own fields. */
    private static ByteBuffer remembered(String id, int generation, List<TopicPartition> owned) {
        if (!assignor.equals("sticky") || generation < 0)
            return null;
        StickyAssignor memory = new StickyAssignor();
        memory.onAssignment(new Assignment(owned), new ConsumerGroupMetadata("g", generation, id, Optional.empty()));
        return memory.subscriptionUserData(Collections.emptySet());
    }

    private static void member(String[] words) {
        List<TopicPartition> owned = new ArrayList<>();
        if (!words[6].equals("-"))
            for (String one : words[6].split(","))
                owned.add(new TopicPartition(one.split(":")[0], Integer.parseInt(one.split(":")[1])));
        Optional<String> rack = words[3].equals("-") ? Optional.empty() : Optional.of(words[3]);
        int generation = Integer.parseInt(words[4]);
        Subscription subscription = new Subscription(Arrays.asList(words[5].split(",")),
            remembered(words[1], generation, owned), owned, generation, rack);
        if (!words[2].equals("-"))
            subscription.setGroupInstanceId(Optional.of(words[2]));
        members.put(words[1], subscription);
    }

    private static ConsumerPartitionAssignor make() {
        switch (assignor) {
            case "range":
                return new RangeAssignor();
            case "roundrobin":
                return new RoundRobinAssignor();
            case "sticky":
                return new StickyAssignor();
            default:
                return new CooperativeStickyAssignor();
        }
    }

    private static void go() {
        Set<Node> all = new HashSet<>(nodes.values());
        Cluster cluster = new Cluster("c", all, partitions, Collections.emptySet(), Collections.emptySet());
        Map<String, Assignment> given = make().assign(cluster, new GroupSubscription(members)).groupAssignment();
        for (String id : members.keySet()) {
            List<String> texts = new ArrayList<>();
            given.get(id).partitions().stream()
                .sorted((a, b) -> a.topic().equals(b.topic()) ? a.partition() - b.partition()
                                                              : a.topic().compareTo(b.topic()))
                .forEach(p -> texts.add(p.topic() + ":" + p.partition()));
            System.out.println(id + " " + String.join(",", texts));
        }
        System.out.println("end");
        partitions.clear();
        members.clear();
    }

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            switch (words[0]) {
                case "assign":
                    assignor = words[1];
                    break;
                case "topic":
                    topic(words);
                    break;
                case "member":
                    member(words);
                    break;
                default:
                    go();
            }
        }
    }
}
