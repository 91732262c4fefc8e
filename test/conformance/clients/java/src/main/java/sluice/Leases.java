package sluice;

import static sluice.Queue.BODY;
import static sluice.Queue.DIGITS;
import static sluice.Queue.holds;
import static sluice.Queue.same;
import static sluice.Queue.system;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import software.amazon.awssdk.services.sqs.model.BatchResultErrorEntry;
import software.amazon.awssdk.services.sqs.model.ChangeMessageVisibilityBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.DeleteMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.Message;

final class Leases {
    private static final String RECEIVED = "ApproximateReceiveCount";

    static void checks(Map<String, Main.Check> checks) {
        checks.put("visibility", Leases::visibility);
        checks.put("visibility-batch", Leases::visibilityBatch);
        checks.put("delete-batch", Leases::deleteBatch);
        checks.put("dead-letter", Leases::deadLetter);
        checks.put("move-task", Leases::moveTask);
    }

    static void change(Queue queue, Message message, int seconds) {
        Main.client.changeMessageVisibility(
            r -> r.queueUrl(queue.url).receiptHandle(message.receiptHandle()).visibilityTimeout(seconds));
    }

    private static void visibility() throws Exception {
        Queue queue = new Queue("visibility");
        queue.send(BODY);
        Message first = queue.receiveOne();
        change(queue, first, 0);
        change(queue, first, 600); // is accepted, and changes nothing: the message is not in flight
        Message again = queue.receiveOne(r -> r.visibilityTimeout(3));
        same(system(again, RECEIVED), "2");
        change(queue, again, 600);
        same(queue.receive(4), List.of());
        queue.sameCounts(0, 1, 0);
        change(queue, again, 1);
        long since = System.nanoTime();
        same(system(queue.receiveOne(), RECEIVED), "3");
        holds("it came back in time", System.nanoTime() - since > 500_000_000L);
    }

    /** Of ten entries, those with a receipt handle of their own succeeded, and only `bad` failed. */
    private static void sameFailure(List<BatchResultErrorEntry> failed, int successful, String bad) {
        same(successful, 9);
        same(failed.stream().map(f -> List.of(f.id(), f.code(), f.senderFault())).toList(),
            List.of(List.of(bad, "ReceiptHandleIsInvalid", true)));
    }

    private static void visibilityBatch() throws Exception {
        Queue queue = new Queue("visibility-batch");
        queue.sendDigits();
        List<Message> got = queue.receiveAll(10);
        var entries = IntStream.range(0, 10).mapToObj(n -> ChangeMessageVisibilityBatchRequestEntry.builder().id("e" + n)
            .receiptHandle(n == 4 ? "nonsense" : got.get(n).receiptHandle()).visibilityTimeout(0).build()).toList();
        var answer = Main.client.changeMessageVisibilityBatch(r -> r.queueUrl(queue.url).entries(entries));
        sameFailure(answer.failed(), answer.successful().size(), "e4");
        for (Message message : queue.receiveAll(9)) {
            same(system(message, RECEIVED), "2");
        }
    }

    private static void deleteBatch() throws Exception {
        Queue queue = new Queue("delete-batch");
        queue.sendDigits();
        List<Message> got = queue.receiveAll(10);
        var entries = IntStream.range(0, 10).mapToObj(n -> DeleteMessageBatchRequestEntry.builder().id("e" + n)
            .receiptHandle(n == 7 ? "nonsense" : got.get(n).receiptHandle()).build()).toList();
        var answer = Main.client.deleteMessageBatch(r -> r.queueUrl(queue.url).entries(entries));
        sameFailure(answer.failed(), answer.successful().size(), "e7");
        queue.sameCounts(0, 1, 0);
        queue.delete(got.get(7));
        queue.sameCounts(0, 0, 0);
    }

    /** A queue from which one message has gone to `dead`. */
    private static Queue source(String name, Queue dead) throws Exception {
        Queue source = new Queue(name, Map.of("RedrivePolicy",
            "{\"deadLetterTargetArn\":\"" + dead.arn() + "\",\"maxReceiveCount\":2}"));
        source.send(BODY);
        for (String count : DIGITS.subList(1, 3)) {
            same(system(source.receiveOne(r -> r.visibilityTimeout(0)), RECEIVED), count);
        }
        same(source.receive(0), List.of());
        return source;
    }

    private static void deadLetter() throws Exception {
        Queue dead = new Queue("dead-letter-dead");
        Queue source = source("dead-letter", dead);
        Message got = dead.receiveOne();
        same(got.body(), BODY);
        same(system(got, "DeadLetterQueueSourceArn"), source.arn());
        same(Main.client.listDeadLetterSourceQueues(r -> r.queueUrl(dead.url)).queueUrls(), List.of(source.url));
    }

    private static void moveTask() throws Exception {
        Queue dead = new Queue("move-task-dead");
        Queue source = source("move-task", dead);
        String arn = dead.arn();
        Main.client.startMessageMoveTask(r -> r.sourceArn(arn));
        Queue.until("the task is completed", () -> {
            var task = Main.client.listMessageMoveTasks(r -> r.sourceArn(arn)).results().get(0);
            return task.status().equals("COMPLETED") && task.approximateNumberOfMessagesMoved() == 1;
        });
        same(source.receiveOne().body(), BODY);
        dead.sameCounts(0, 0, 0);
    }
}
