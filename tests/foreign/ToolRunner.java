import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs command-line tools one after the other in one process, since starting a Java machine takes
 * longer than most of them. A line of standard input is a command: its standard input in base64, a
 * main class and arguments, with tabs between them. The answer is a line "STATUS SIZE" and SIZE
 * bytes of what it printed on both streams.
 */
public class ToolRunner {
    private static class Exited extends Error {
        final int status;

        Exited(int status) {
            super("exit " + status, null, false, false);
            this.status = status;
        }
    }

    /** Where the running tool prints. Loggers and Scala keep the stream that they saw first. */
    private static class Switch extends OutputStream {
        private ByteArrayOutputStream to = new ByteArrayOutputStream();

        @Override
        public synchronized void write(int b) {
            to.write(b);
        }

        @Override
        public synchronized void write(byte[] bytes, int offset, int size) {
            to.write(bytes, offset, size);
        }

        synchronized byte[] take() {
            byte[] all = to.toByteArray();
            to = new ByteArrayOutputStream();
            return all;
        }
    }

    private static Integer firstStatus;
    private static final List<Runnable> hooks = new ArrayList<>();

    private static void leave(int status, String message) {
        if (message != null)
            System.err.println(message);
        if (firstStatus == null)
            firstStatus = status;
        throw new Exited(status);
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream answers = System.out;
        BufferedReader commands =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Switch printed = new Switch();
        PrintStream both = new PrintStream(printed, true, StandardCharsets.UTF_8);
        System.setOut(both);
        System.setErr(both);
        Exit.setExitProcedure(ToolRunner::leave);
        Exit.setHaltProcedure(ToolRunner::leave);
        Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            String[] words = line.split("\t", -1);
            System.setIn(new ByteArrayInputStream(Base64.getDecoder().decode(words[0])));
            int status = run(words[1], Arrays.copyOfRange(words, 2, words.length));
            hooks.forEach(Runnable::run);
            hooks.clear();
            both.flush();
            byte[] all = printed.take();
            answers.println(status + " " + all.length);
            answers.write(all);
            answers.flush();
        }
    }

    private static int run(String name, String[] arguments) throws Exception {
        firstStatus = null;
        try {
            Class.forName(name).getMethod("main", String[].class)
                .invoke(null, (Object) arguments);
        } catch (InvocationTargetException failure) {
            if (!(failure.getCause() instanceof Exited)) {
                failure.getCause().printStackTrace();
                return firstStatus == null ? 1 : firstStatus;
            }
        }
        return firstStatus == null ? 0 : firstStatus;
    }
}
