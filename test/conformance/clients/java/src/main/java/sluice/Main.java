package sluice;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import software.amazon.awssdk.services.sqs.SqsClient;

/**
 * Main PREFIX CHECK... -- the checks with the AWS SDK for Java v2, which checks the digests of bodies and attributes itself.
 * Queues are named after PREFIX and the check.
 */
final class Main {
    interface Check {
        void run() throws Exception;
    }

    static SqsClient client;
    static String prefix;

    public static void main(String[] arguments) {
        client = SqsClient.create();
        prefix = arguments[0];
        Map<String, Check> checks = new HashMap<>();
        Standard.checks(checks);
        Leases.checks(checks);
        Fifo.checks(checks);
        Errors.checks(checks);
        for (String name : Arrays.copyOfRange(arguments, 1, arguments.length)) {
            System.out.println(verdict(name, checks.get(name)));
        }
    }

    private static String verdict(String name, Check check) {
        if (check == null) {
            return "not ok " + name + ": no such check";
        }
        try {
            check.run();
            return "ok " + name;
        } catch (Exception | AssertionError error) {
            return "not ok " + name + ": " + line(error) + ": " + error.toString().replaceAll("\\s+", " ");
        }
    }

    /** The last line of ours that was left, outside what all checks share. */
    private static String line(Throwable error) {
        return Arrays.stream(error.getStackTrace())
            .filter(frame -> frame.getClassName().startsWith("sluice.") && !frame.getClassName().contains("Queue"))
            .map(frame -> frame.getFileName() + ":" + frame.getLineNumber())
            .findFirst().orElse("?");
    }
}
