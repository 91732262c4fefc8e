package sluice;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import software.amazon.awssdk.services.sqs.model.DeleteMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.MessageSystemAttributeName;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.services.sqs.model.ReceiveMessageRequest;
import software.amazon.awssdk.services.sqs.model.SendMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.SendMessageBatchResponse;
import software.amazon.awssdk.services.sqs.model.SendMessageBatchResultEntry;
import software.amazon.awssdk.services.sqs.model.SendMessageRequest;
import software.amazon.awssdk.services.sqs.model.SendMessageResponse;

/** One queue, and what has to hold of it. */
final class Queue {
    static final String BODY = "quotes \" and <&> \\ and \r\n\tlines, grün \uD83D\uDE00";
    static final List<String> DIGITS = IntStream.range(0, 10).mapToObj(String::valueOf).toList();

    final String url;

    Queue(String name, Map<String, String> attributes) {
        url = Main.client.createQueue(r -> r.queueName(Main.prefix + "-" + name).attributesWithStrings(attributes)).queueUrl();
    }

    Queue(String name) {
        this(name, Map.of());
    }

    static Queue fifo(String name, String... attributes) {
        Map<String, String> all = new HashMap<>(Map.of("FifoQueue", "true"));
        for (int i = 0; i < attributes.length; i += 2) {
            all.put(attributes[i], attributes[i + 1]);
        }
        return new Queue(name + ".fifo", all);
    }

    // ---- what has to hold ----

    static void same(Object got, Object wanted) {
        if (!Objects.equals(got, wanted)) {
            throw new AssertionError(got + ", not " + wanted);
        }
    }

    static void holds(String what, boolean condition) {
        if (!condition) {
            throw new AssertionError("it does not hold that " + what);
        }
    }

    static void until(String what, Callable<Boolean> condition) throws Exception {
        for (long end = System.nanoTime() + 15_000_000_000L; !condition.call(); Thread.sleep(20)) {
            holds("within 15 s: " + what, System.nanoTime() < end);
        }
    }

    // ---- attributes ----

    Map<String, String> attributes() {
        return Main.client.getQueueAttributes(r -> r.queueUrl(url).attributeNames(QueueAttributeName.ALL)).attributesAsStrings();
    }

    String arn() {
        return attributes().get("QueueArn");
    }

    /** How many messages are visible, in flight, delayed. */
    List<Integer> counts() {
        Map<String, String> all = attributes();
        return List.of("", "NotVisible", "Delayed").stream()
            .map(which -> Integer.valueOf(all.get("ApproximateNumberOfMessages" + which))).toList();
    }

    void sameCounts(Integer... wanted) {
        same(counts(), List.of(wanted));
    }

    // ---- messages ----

    SendMessageResponse send(String body, Consumer<SendMessageRequest.Builder> options) {
        return Main.client.sendMessage(r -> options.accept(r.queueUrl(url).messageBody(body)));
    }

    SendMessageResponse send(String body) {
        return send(body, r -> { });
    }

    /** Returns the message ids in the order of the bodies. */
    List<String> sendBatch(List<String> bodies, Consumer<SendMessageBatchRequestEntry.Builder> options) {
        List<SendMessageBatchRequestEntry> entries = IntStream.range(0, bodies.size()).mapToObj(n ->
            SendMessageBatchRequestEntry.builder().id("e-" + n).messageBody(bodies.get(n)).applyMutation(options).build()).toList();
        SendMessageBatchResponse answer = Main.client.sendMessageBatch(r -> r.queueUrl(url).entries(entries));
        same(answer.failed(), List.of());
        Map<String, String> ids = new HashMap<>();
        for (SendMessageBatchResultEntry sent : answer.successful()) {
            ids.put(sent.id(), sent.messageId());
        }
        return entries.stream().map(entry -> ids.get(entry.id())).toList();
    }

    void sendDigits() {
        sendBatch(DIGITS, e -> { });
    }

    List<Message> receive(int wait, Consumer<ReceiveMessageRequest.Builder> options) {
        return Main.client.receiveMessage(r -> options.accept(r.queueUrl(url).waitTimeSeconds(wait).maxNumberOfMessages(10)
            .messageAttributeNames("All").messageSystemAttributeNames(MessageSystemAttributeName.ALL))).messages();
    }

    List<Message> receive(int wait) {
        return receive(wait, r -> { });
    }

    List<Message> receiveAll(int count, Consumer<ReceiveMessageRequest.Builder> options) throws Exception {
        List<Message> got = new ArrayList<>();
        until(count + " messages", () -> got.addAll(receive(1, options)) && got.size() >= count);
        same(got.size(), count);
        return got;
    }

    List<Message> receiveAll(int count) throws Exception {
        return receiveAll(count, r -> { });
    }

    Message receiveOne(Consumer<ReceiveMessageRequest.Builder> options) throws Exception {
        return receiveAll(1, options).get(0);
    }

    Message receiveOne() throws Exception {
        return receiveOne(r -> { });
    }

    void delete(List<Message> messages) {
        var answer = Main.client.deleteMessageBatch(r -> r.queueUrl(url).entries(messages.stream()
            .map(m -> DeleteMessageBatchRequestEntry.builder()
                .id("d" + messages.indexOf(m)).receiptHandle(m.receiptHandle()).build()).toList()));
        same(answer.failed(), List.of());
        same(answer.successful().size(), messages.size());
    }

    void delete(Message... messages) {
        delete(Arrays.asList(messages));
    }

    static List<String> bodies(List<Message> messages) {
        return messages.stream().map(Message::body).toList();
    }

    static String system(Message message, String name) {
        return message.attributesAsStrings().get(name);
    }
}
