package sluice;

import static sluice.Queue.holds;
import static sluice.Queue.same;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.BatchEntryIdsNotDistinctException;
import software.amazon.awssdk.services.sqs.model.BatchRequestTooLongException;
import software.amazon.awssdk.services.sqs.model.EmptyBatchRequestException;
import software.amazon.awssdk.services.sqs.model.InvalidAttributeNameException;
import software.amazon.awssdk.services.sqs.model.InvalidAttributeValueException;
import software.amazon.awssdk.services.sqs.model.InvalidBatchEntryIdException;
import software.amazon.awssdk.services.sqs.model.InvalidMessageContentsException;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.PurgeQueueInProgressException;
import software.amazon.awssdk.services.sqs.model.QueueDeletedRecentlyException;
import software.amazon.awssdk.services.sqs.model.QueueDoesNotExistException;
import software.amazon.awssdk.services.sqs.model.QueueNameExistsException;
import software.amazon.awssdk.services.sqs.model.ReceiptHandleIsInvalidException;
import software.amazon.awssdk.services.sqs.model.ResourceNotFoundException;
import software.amazon.awssdk.services.sqs.model.SendMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.SqsException;
import software.amazon.awssdk.services.sqs.model.TooManyEntriesInBatchRequestException;

final class Errors {
    /** What the codes of the Query protocol begin with: the SDK shows these, where the answer names one. */
    private static final String LEGACY = "AWS.SimpleQueueService.";

    /** The call throws what the SDK has for that error, with the code and a message. */
    static void raises(Class<? extends SqsException> type, String code, Main.Check call) {
        try {
            call.run();
        } catch (SqsException error) {
            same(error.getClass(), type);
            same(error.awsErrorDetails().errorCode(), code);
            String message = error.awsErrorDetails().errorMessage();
            holds("there is a message", message != null && !message.isEmpty());
            return;
        } catch (Exception error) {
            throw new AssertionError(error);
        }
        throw new AssertionError("no error");
    }

    private static Queue queue() {
        return new Queue("errors");
    }

    private static void batchOf(String body, String... ids) {
        List<SendMessageBatchRequestEntry> entries = Arrays.stream(ids)
            .map(id -> SendMessageBatchRequestEntry.builder().id(id).messageBody(body).build()).toList();
        Main.client.sendMessageBatch(r -> r.queueUrl(queue().url).entries(entries));
    }

    private static void set(String name, String value) {
        Main.client.setQueueAttributes(r -> r.queueUrl(queue().url).attributesWithStrings(Map.of(name, value)));
    }

    private static void deleteAndCreate() {
        Queue queue = new Queue("deleted");
        Main.client.deleteQueue(r -> r.queueUrl(queue.url));
        new Queue("deleted");
    }

    private static void changeDeleted() throws Exception {
        Queue queue = new Queue("handle-of-deleted");
        queue.send("x");
        Message got = queue.receiveOne();
        queue.delete(got);
        Leases.change(queue, got, 30);
    }

    private static void purgeTwice() {
        Queue queue = new Queue("purged");
        Main.client.purgeQueue(r -> r.queueUrl(queue.url));
        Main.client.purgeQueue(r -> r.queueUrl(queue.url));
    }

    private static void listAs(String key, String secret) {
        try (SqsClient other = SqsClient.builder()
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create(key, secret))).build()) {
            other.listQueues();
        }
    }

    static void checks(Map<String, Main.Check> checks) {
        ofQueues(checks);
        ofBatches(checks);
        ofMessages(checks);
        checks.put("denied-wrong-secret", () -> raises(SqsException.class, "SignatureDoesNotMatch",
            () -> listAs(System.getenv("AWS_ACCESS_KEY_ID"), "wrong")));
        checks.put("denied-unknown-key", () -> raises(SqsException.class, "InvalidClientTokenId",
            () -> listAs("unknown", "unknown")));
    }

    private static void ofQueues(Map<String, Main.Check> checks) {
        checks.put("error-QueueDoesNotExist", () -> raises(QueueDoesNotExistException.class, LEGACY + "NonExistentQueue",
            () -> Main.client.getQueueUrl(r -> r.queueName(Main.prefix + "-none"))));
        checks.put("error-QueueNameExists", () -> raises(QueueNameExistsException.class, "QueueAlreadyExists", () -> {
            queue();
            new Queue("errors", Map.of("DelaySeconds", "9"));
        }));
        checks.put("error-QueueDeletedRecently", () -> raises(QueueDeletedRecentlyException.class,
            LEGACY + "QueueDeletedRecently", Errors::deleteAndCreate));
        checks.put("error-InvalidAttributeName", () -> raises(InvalidAttributeNameException.class, "InvalidAttributeName",
            () -> set("Nonsense", "1")));
        checks.put("error-InvalidAttributeValue", () -> raises(InvalidAttributeValueException.class, "InvalidAttributeValue",
            () -> set("VisibilityTimeout", "43201")));
        checks.put("error-PurgeQueueInProgress", () -> raises(PurgeQueueInProgressException.class,
            LEGACY + "PurgeQueueInProgress", Errors::purgeTwice));
        checks.put("error-ResourceNotFoundException", () -> raises(ResourceNotFoundException.class,
            "ResourceNotFoundException", () -> {
                String arn = queue().arn() + "-none";
                Main.client.startMessageMoveTask(r -> r.sourceArn(arn));
            }));
    }

    private static void ofBatches(Map<String, Main.Check> checks) {
        checks.put("error-EmptyBatchRequest", () -> raises(EmptyBatchRequestException.class, LEGACY + "EmptyBatchRequest",
            () -> batchOf("x")));
        checks.put("error-TooManyEntriesInBatchRequest", () -> raises(TooManyEntriesInBatchRequestException.class,
            LEGACY + "TooManyEntriesInBatchRequest", () -> batchOf("x", "0123456789a".split(""))));
        checks.put("error-BatchEntryIdsNotDistinct", () -> raises(BatchEntryIdsNotDistinctException.class,
            LEGACY + "BatchEntryIdsNotDistinct", () -> batchOf("x", "a", "a")));
        checks.put("error-InvalidBatchEntryId", () -> raises(InvalidBatchEntryIdException.class,
            LEGACY + "InvalidBatchEntryId", () -> batchOf("x", "not.good")));
        checks.put("error-BatchRequestTooLong", () -> raises(BatchRequestTooLongException.class,
            LEGACY + "BatchRequestTooLong", () -> batchOf("x".repeat(600_000), "a", "b")));
    }

    private static void ofMessages(Map<String, Main.Check> checks) {
        checks.put("error-ReceiptHandleIsInvalid", () -> raises(ReceiptHandleIsInvalidException.class,
            "ReceiptHandleIsInvalid", () -> Main.client.deleteMessage(r -> r.queueUrl(queue().url).receiptHandle("nonsense"))));
        checks.put("error-InvalidMessageContents", () -> raises(InvalidMessageContentsException.class,
            "InvalidMessageContents", () -> queue().send("\u0001")));
        checks.put("error-handle-of-deleted", () -> raises(SqsException.class, "InvalidParameterValue",
            Errors::changeDeleted));
        checks.put("error-InvalidParameterValue", () -> raises(SqsException.class, "InvalidParameterValue",
            () -> queue().receive(0, r -> r.maxNumberOfMessages(11))));
        checks.put("error-MissingParameter", () -> raises(SqsException.class, "MissingParameter",
            () -> Queue.fifo("errors").send("x", r -> r.messageDeduplicationId("a"))));
    }
}
