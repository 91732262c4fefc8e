package sluice;

import static sluice.Queue.holds;
import static sluice.Queue.same;
import static sluice.Queue.system;

import java.math.BigInteger;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.SendMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.SendMessageRequest;
import software.amazon.awssdk.services.sqs.model.SendMessageResponse;

final class Fifo {
    static void checks(Map<String, Main.Check> checks) {
        checks.put("fifo-order", Fifo::order);
        checks.put("fifo-group-held", Fifo::groupHeld);
        checks.put("fifo-deduplication", Fifo::deduplication);
        checks.put("fifo-content", Fifo::content);
    }

    private static Consumer<SendMessageRequest.Builder> inGroup(String group, String deduplication) {
        return r -> r.messageGroupId(group).messageDeduplicationId(deduplication);
    }

    private static Consumer<SendMessageRequest.Builder> inGroup(String group) {
        return inGroup(group, null);
    }

    /** The group and the deduplication id of an entry follow from its body, a digit. */
    private static void byBody(SendMessageBatchRequestEntry.Builder entry) {
        String body = entry.build().messageBody();
        entry.messageGroupId(List.of("a", "b", "c").get(Integer.parseInt(body) % 3)).messageDeduplicationId("d" + body);
    }

    private static void order() throws Exception {
        Queue queue = Queue.fifo("fifo-order");
        queue.sendBatch(Queue.DIGITS.subList(0, 9), Fifo::byBody);
        List<Message> got = new ArrayList<>();
        while (got.size() < 9) {
            List<Message> some = queue.receive(1, r -> r.maxNumberOfMessages(5));
            holds("there is more to receive", !some.isEmpty());
            got.addAll(some);
            queue.delete(some);
        }
        for (int group = 0; group < 3; group++) {
            sameOrder(got, List.of("a", "b", "c").get(group), IntStream.of(group, group + 3, group + 6));
        }
        queue.sameCounts(0, 0, 0);
    }

    private static void sameOrder(List<Message> all, String group, IntStream wanted) {
        List<Message> mine = all.stream().filter(m -> system(m, "MessageGroupId").equals(group)).toList();
        same(Queue.bodies(mine), wanted.mapToObj(String::valueOf).toList());
        BigInteger last = BigInteger.ZERO;
        for (Message message : mine) {
            BigInteger number = new BigInteger(system(message, "SequenceNumber"));
            holds("the sequence number grows", number.compareTo(last) > 0);
            same(system(message, "MessageDeduplicationId"), "d" + message.body());
            last = number;
        }
    }

    private static void groupHeld() throws Exception {
        Queue queue = Queue.fifo("fifo-group-held", "ContentBasedDeduplication", "true");
        for (String body : List.of("a1", "a2", "b1")) {
            holds("it is numbered", queue.send(body, inGroup(body.substring(0, 1))).sequenceNumber() != null);
        }
        Message first = queue.receiveOne(r -> r.maxNumberOfMessages(1));
        same(first.body(), "a1");
        same(Queue.bodies(queue.receive(1)), List.of("b1"));
        same(queue.receive(0), List.of());
        queue.delete(first);
        same(Queue.bodies(queue.receive(1)), List.of("a2"));
    }

    private static void deduplication() throws Exception {
        Queue queue = Queue.fifo("fifo-deduplication");
        SendMessageResponse first = queue.send("one", inGroup("a", "same"));
        SendMessageResponse again = queue.send("two", inGroup("a", "same"));
        same(again.messageId(), first.messageId());
        same(again.sequenceNumber(), first.sequenceNumber());
        Message got = queue.receiveOne();
        same(got.body(), "one");
        queue.delete(got);
        same(queue.send("three", inGroup("a", "same")).messageId(), first.messageId());
        queue.sameCounts(0, 0, 0);
    }

    private static void content() throws Exception {
        Queue queue = Queue.fifo("fifo-content", "ContentBasedDeduplication", "true");
        same(queue.send("x", inGroup("a")).messageId(), queue.send("x", inGroup("a")).messageId());
        queue.send("x", inGroup("a", "of-its-own"));
        byte[] digest = MessageDigest.getInstance("SHA-256").digest("x".getBytes());
        same(queue.receiveAll(2).stream().map(m -> system(m, "MessageDeduplicationId")).toList(),
            List.of(HexFormat.of().formatHex(digest), "of-its-own"));
    }
}
