package sluice;

import static sluice.Queue.BODY;
import static sluice.Queue.DIGITS;
import static sluice.Queue.holds;
import static sluice.Queue.same;
import static sluice.Queue.system;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.MessageAttributeValue;
import software.amazon.awssdk.services.sqs.model.MessageSystemAttributeNameForSends;
import software.amazon.awssdk.services.sqs.model.MessageSystemAttributeValue;
import software.amazon.awssdk.services.sqs.model.QueueDoesNotExistException;

final class Standard {
    private static final String TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    private static final Map<String, MessageAttributeValue> KINDS = Map.of(
        "tenant", text("String", "acme & <söhne>"),
        "trace.id", text("String.uuid", "8d4c"),
        "trace.depth", text("Number", "12"),
        "weight", text("Number.kg", "12.5"),
        "thumb", binary("Binary", 0, 0x89, 'P', 'N', 'G', 0xff),
        "photo", binary("Binary.png", 1, 2, 0x80));

    private static MessageAttributeValue text(String type, String value) {
        return MessageAttributeValue.builder().dataType(type).stringValue(value).build();
    }

    private static MessageAttributeValue binary(String type, int... value) {
        byte[] bytes = new byte[value.length];
        for (int i = 0; i < value.length; i++) {
            bytes[i] = (byte) value[i];
        }
        return MessageAttributeValue.builder().dataType(type).binaryValue(SdkBytes.fromByteArray(bytes)).build();
    }

    static void checks(Map<String, Main.Check> checks) {
        checks.put("queue", Standard::queue);
        checks.put("message", Standard::message);
        checks.put("attribute-names", Standard::attributeNames);
        checks.put("batch", Standard::batch);
        checks.put("delay", Standard::delay);
        checks.put("long-poll-wakes", Standard::longPollWakes);
        checks.put("long-poll-ends", Standard::longPollEnds);
        checks.put("purge", Standard::purge);
        checks.put("tags", Standard::tags);
        checks.put("permissions", Standard::permissions);
        checks.put("paging", Standard::paging);
    }

    private static void queue() {
        Queue queue = new Queue("queue", Map.of("VisibilityTimeout", "45"));
        same(new Queue("queue", Map.of("VisibilityTimeout", "45")).url, queue.url);
        same(Main.client.getQueueUrl(r -> r.queueName(Main.prefix + "-queue")).queueUrl(), queue.url);
        Map<String, String> wanted = Map.of("DelaySeconds", "7", "MessageRetentionPeriod", "600");
        Main.client.setQueueAttributes(r -> r.queueUrl(queue.url).attributesWithStrings(wanted));
        Map<String, String> all = queue.attributes();
        same(List.of(all.get("VisibilityTimeout"), all.get("DelaySeconds"), all.get("MessageRetentionPeriod")),
            List.of("45", "7", "600"));
        holds("the ARN ends with the name", queue.arn().endsWith(":" + Main.prefix + "-queue"));
        Main.client.deleteQueue(r -> r.queueUrl(queue.url));
        Errors.raises(QueueDoesNotExistException.class, "AWS.SimpleQueueService.NonExistentQueue", () -> queue.send("x"));
    }

    private static void message() throws Exception {
        Queue queue = new Queue("message");
        MessageSystemAttributeValue trace = MessageSystemAttributeValue.builder().dataType("String").stringValue(TRACE).build();
        var sent = queue.send(BODY, r -> r.messageAttributes(KINDS)
            .messageSystemAttributes(Map.of(MessageSystemAttributeNameForSends.AWS_TRACE_HEADER, trace)));
        Message got = queue.receiveOne();
        same(List.of(got.messageId(), got.body(), got.md5OfMessageAttributes()),
            List.of(sent.messageId(), BODY, sent.md5OfMessageAttributes()));
        same(got.messageAttributes(), KINDS);
        same(List.of(system(got, "AWSTraceHeader"), system(got, "ApproximateReceiveCount")), List.of(TRACE, "1"));
        for (String name : List.of("SentTimestamp", "ApproximateFirstReceiveTimestamp", "SenderId")) {
            holds("there is " + name, system(got, name) != null);
        }
        Main.client.deleteMessage(r -> r.queueUrl(queue.url).receiptHandle(got.receiptHandle()));
        queue.sameCounts(0, 0, 0);
    }

    private static void attributeNames() throws Exception {
        Queue queue = new Queue("attribute-names");
        queue.send(BODY, r -> r.messageAttributes(KINDS));
        Message got = queue.receiveOne(r -> r.messageAttributeNames("trace.*", "thumb", "none"));
        same(got.messageAttributes().keySet(), Set.of("thumb", "trace.id", "trace.depth"));
    }

    private static void batch() throws Exception {
        Queue queue = new Queue("batch");
        List<String> ids = queue.sendBatch(DIGITS, e -> e.messageAttributes(KINDS));
        List<Message> got = queue.receiveAll(10).stream().sorted(Comparator.comparing(Message::body)).toList();
        same(Queue.bodies(got), DIGITS);
        same(got.stream().map(Message::messageId).toList(), ids);
        for (Message message : got) {
            same(message.messageAttributes(), KINDS);
        }
        queue.delete(got);
        queue.sameCounts(0, 0, 0);
    }

    private static void delay() throws Exception {
        Queue queue = new Queue("delay", Map.of("DelaySeconds", "600"));
        queue.send("late");
        long since = System.nanoTime();
        queue.send("soon", r -> r.delaySeconds(3));
        queue.sameCounts(0, 0, 2);
        same(queue.receiveOne().body(), "soon");
        holds("it came in time", System.nanoTime() - since > 2_500_000_000L);
    }

    private static void longPollWakes() throws Exception {
        Queue queue = new Queue("long-poll-wakes");
        var poll = CompletableFuture.supplyAsync(() -> queue.receive(20));
        for (int i = 0; i < 10; i++) { // the poll is most likely parked by then; the check holds where it is not
            queue.arn();
        }
        queue.send(BODY);
        same(Queue.bodies(poll.get(10, TimeUnit.SECONDS)), List.of(BODY));
    }

    private static void longPollEnds() {
        Queue queue = new Queue("long-poll-ends");
        long since = System.nanoTime();
        same(queue.receive(1), List.of());
        long took = System.nanoTime() - since;
        holds("it took a second", took > 900_000_000L && took < 10_000_000_000L);
    }

    private static void purge() throws Exception {
        Queue queue = new Queue("purge");
        queue.sendDigits();
        queue.receive(0);
        Main.client.purgeQueue(r -> r.queueUrl(queue.url));
        Queue.until("the queue is empty", () -> queue.counts().equals(List.of(0, 0, 0)));
    }

    private static void tags() {
        Map<String, String> first = Map.of("team", "a & b", "cost", "12");
        String url = Main.client.createQueue(r -> r.queueName(Main.prefix + "-tags").tags(first)).queueUrl();
        Main.client.tagQueue(r -> r.queueUrl(url).tags(Map.of("cost", "13", "größe", "<1>")));
        Main.client.untagQueue(r -> r.queueUrl(url).tagKeys("team", "none"));
        same(Main.client.listQueueTags(r -> r.queueUrl(url)).tags(), Map.of("cost", "13", "größe", "<1>"));
    }

    private static void permissions() {
        Queue queue = new Queue("permissions");
        Main.client.addPermission(r -> r.queueUrl(queue.url).label("reader").awsAccountIds("111122223333")
            .actions("ReceiveMessage", "DeleteMessage"));
        holds("the policy has it", queue.attributes().get("Policy").matches(".*\"Sid\" *: *\"reader\".*"));
        Main.client.removePermission(r -> r.queueUrl(queue.url).label("reader"));
        holds("it is gone", !queue.attributes().getOrDefault("Policy", "").contains("reader"));
    }

    private static void paging() {
        List<String> wanted = DIGITS.subList(0, 5).stream().map(n -> new Queue("paging-" + n).url).toList();
        List<String> got = new ArrayList<>();
        List<Integer> sizes = new ArrayList<>();
        for (var page : Main.client.listQueuesPaginator(r -> r.queueNamePrefix(Main.prefix + "-paging").maxResults(2))) {
            got.addAll(page.queueUrls());
            sizes.add(page.queueUrls().size());
        }
        same(sizes, List.of(2, 2, 1));
        same(got.stream().sorted().toList(), wanted);
    }
}
