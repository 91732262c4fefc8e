"""Starts a server, and every client against it: see run.

A client is a program: PROGRAM PREFIX CHECK..., with the server, its region and the keys in the environment, as every SDK
reads them. It does each check with queues whose names begin with PREFIX, and prints a line for each, "ok CHECK" or
"not ok CHECK: why". The list of checks is here, and the only one: a check without a line has failed.

Our server runs twice: with signatures checked and what it keeps in a file, and with neither. All checks are made against
the first, and a few against the second, with keys that nobody knows.
"""
import argparse
import collections
import concurrent.futures
import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BUILD = ROOT / "build" / "clients"
CI = os.environ.get("CI") == "true"
AT_ONCE = 4  # most of a check is waiting
SECONDS = 240  # for one client, on a machine that has a lot else to do
SHARES = {"debian-awscli": 3}  # programs among which a client's checks are dealt out: a command takes 0.1 s
KEYS = ("AKIDCLIENTS", "se/cr+et=of/the/clients")

CHECKS = """
    queue message attribute-names batch visibility visibility-batch delete-batch delay long-poll-wakes long-poll-ends
    fifo-order fifo-group-held fifo-deduplication fifo-content dead-letter move-task purge tags permissions paging
    error-QueueDoesNotExist error-QueueNameExists error-QueueDeletedRecently error-ReceiptHandleIsInvalid
    error-EmptyBatchRequest error-TooManyEntriesInBatchRequest error-BatchEntryIdsNotDistinct error-InvalidBatchEntryId
    error-BatchRequestTooLong error-InvalidMessageContents error-InvalidAttributeName error-InvalidAttributeValue
    error-handle-of-deleted error-PurgeQueueInProgress error-ResourceNotFoundException error-InvalidParameterValue
    error-MissingParameter""".split()
UNSIGNED = "queue message batch fifo-order error-QueueDoesNotExist".split()
DENIED = "denied-wrong-secret denied-unknown-key".split()
CONSUME = "consume-batches consume-singly consume-again consume-after-error consume-slowly consume-fifo".split()
MOVES = ["move-task", "error-ResourceNotFoundException"]  # Debian's clients are older than message move tasks


class Missing(Exception):
    """Something that a client needs is not to be had."""


def sh(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        raise Missing(f"{' '.join(command)}:\n{done.stdout}")


def needs(*commands):
    for command in commands:
        if not shutil.which(command):
            raise Missing(f"{command} is not there")


def debian(package):
    """Installs a package of Debian where it is not, and says so."""
    needs("dpkg-query")
    status = subprocess.run(["dpkg-query", "-W", "-f=${Status}", package], capture_output=True, text=True).stdout
    if "ok installed" in status:
        return
    print(f"clients: installing, to test against it: {package}", file=sys.stderr)
    as_root = [*([] if os.geteuid() == 0 else ["sudo"]), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    sh(*as_root, "update")
    sh(*as_root, "-y", "-o", "DPkg::Lock::Timeout=300", "install", "--no-install-recommends", package)


def copied(name):
    """A copy of a client's folder in build/: what a package client or a compiler writes stays there."""
    folder = BUILD / name
    shutil.copytree(HERE / name, folder, dirs_exist_ok=True)
    return folder


def once(folder, source, *command):
    """Runs a package client once for every state of the file that names the versions."""
    done = folder / ".done"
    if not done.exists() or done.read_text() != (folder / source).read_text():
        sh(*command, cwd=folder)
        done.write_text((folder / source).read_text())


# ---- the clients: each returns its command ----

def boto():
    return [sys.executable, "-B", str(HERE / "python" / "boto.py")]


def debian_boto():
    debian("python3-boto3")
    return ["/usr/bin/python3", "-B", str(HERE / "python" / "boto.py")]


def debian_aws():
    debian("awscli")
    return ["/usr/bin/python3", "-B", str(HERE / "python" / "aws.py")]


def go():
    needs("go")
    folder = copied("go")
    sh("go", "build", "-o", "client", ".", cwd=folder)
    return [str(folder / "client")]


def node(program):
    needs("node", "npm")
    folder = copied("js")
    once(folder, "package-lock.json", "npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts")
    return ["node", str(folder / program)]


def java():
    needs("java", "mvn")
    folder = copied("java")
    once(folder, "pom.xml", "mvn", "-q", "-B", "dependency:copy-dependencies")
    sources = sorted(map(str, (folder / "src").rglob("*.java")))
    sh("javac", "-Xlint:all,-processing", "-Werror", "-encoding", "UTF-8", "-cp", "target/dependency/*", "-d", "target/classes",
       *sources, cwd=folder)
    return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dfile.encoding=UTF-8", "-cp",
            f"{folder}/target/classes:{folder}/target/dependency/*", "sluice.Main"]


CLIENTS = {  # name: (makes the command, checks besides the common ones, common checks that it can't make)
    "debian-awscli": (debian_aws, [], MOVES),
    "boto3": (boto, ["move-task-cancelled"], []),
    "debian-boto3": (debian_boto, [], MOVES),
    "go": (go, [], []),
    "java": (java, [], []),
    "js": (lambda: node("client.mjs"), [], []),
    "sqs-consumer": (lambda: node("consumer.mjs"), CONSUME, CHECKS + DENIED),
}


# ---- servers ----

class Sluice:
    def __init__(self, folder, keys):
        command = [os.environ.get("SLUICE", str(ROOT / "build/release/sluice")), "queue", "--listen", "127.0.0.1:0"]
        if keys:
            (folder / "keys").touch(mode=0o600)
            (folder / "keys").write_text(f"{keys[0]} {keys[1]}\n")
            command += ["--keys", str(folder / "keys"), "--data", str(folder / "queue.db")]
        self.keys = keys
        self.env = {}
        self.log = open(folder / "log", "w+")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)

    def ready(self):
        for line in self.process.stdout:
            self.env.update(word.split("=", 1) for word in shlex.split(line, comments=True)[1:])
            if "AWS_ACCESS_KEY_ID" in self.env:
                break
        else:
            raise SystemExit("the server told nobody where it is")
        if self.keys:
            self.env.update(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), self.keys))

    def close(self):
        self.process.terminate()
        if code := self.process.wait(20):
            self.log.seek(0)
            raise SystemExit(f"{' '.join(self.process.args)} ended with {code}:\n{self.log.read()}")


class Peer:
    """moto, which checks signatures, or ElasticMQ, as the end-to-end tests start them."""

    def __init__(self, name, folder):
        sys.path.insert(0, str(ROOT / "test" / "e2e"))
        from world import queues
        self.server = queues.Moto(folder) if name == "moto" else queues.ElasticMQ(folder)
        keys = self.server.user("clients", ["*"]) if name == "moto" else None
        self.env = {**self.server.env(keys), "AWS_DEFAULT_REGION": queues.REGION}

    def ready(self):
        pass

    def close(self):
        self.server.close()


def servers(name, folder, closing):
    """[(what is said of it, server, checks made against it besides the common ones, or those that are made instead)]"""
    def start(make, *arguments):
        server = make(*arguments)
        closing.callback(server.close)
        server.ready()
        return server
    if name != "sluice":
        return [(name, start(Peer, name, folder), DENIED if name == "moto" else [], None)]
    for part in ("signed", "open"):
        (folder / part).mkdir()
    return [("signatures checked", start(Sluice, folder / "signed", KEYS), DENIED, None),
            ("any keys", start(Sluice, folder / "open", None), [], UNSIGNED)]


# ---- a run ----

def environment(server):
    """Nothing of the user's own reaches a client, and no client tries twice."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_PAGER": "",
            "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1", **server.env}


def verdicts(checks, output):
    """{check: None or why it failed}, of what a program printed."""
    seen = collections.defaultdict(list)
    for line in output.splitlines():
        verdict, _, rest = line.partition("ok ")
        name, _, why = rest.partition(": ")
        if verdict in ("", "not "):
            seen[name].append((why or "no reason given") if verdict else None)
    unforeseen = {name: "a check that is not in the list" for name in seen if name not in checks}
    return {**{name: seen[name][0] if len(seen[name]) == 1 else f"{len(seen[name])} lines for it" for name in checks},
            **unforeseen}


def use(client, command, server, prefix, checks):
    began = time.monotonic()
    process = subprocess.Popen([*command, prefix, *checks], env=environment(server), text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    ended = f"not within {SECONDS} s"
    try:
        output, errors = process.communicate(timeout=SECONDS)
        ended = f"exit {process.returncode}"
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
    results = verdicts(checks, output)
    if ended != "exit 0":
        results["end"] = f"{ended}: {errors[-2000:]}"
    return client, results, time.monotonic() - began


def report(title, client, results, seconds):
    failed = {name: why for name, why in results.items() if why}
    print(f"--- {client}, {title}: {len(results) - len(failed)} of {len(results)} in {seconds:.1f} s", flush=True)
    for name, why in results.items():
        if why or os.environ.get("VERBOSE"):
            print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)
    return len(results) - len(failed), len(failed)


def prepared(names):
    """({client: command}, how many are skipped)"""
    commands, skipped = {}, 0
    for name in names:
        try:
            commands[name] = CLIENTS[name][0]()
        except Missing as error:
            if CI:
                raise SystemExit(f"{name}: {error}, and CI skips nothing")
            print(f"SKIPPED {name}: {error}")
            skipped += 1
    return commands, skipped


def runs(started, commands):
    """Uses every server with every client, and yields what is said of the server with what came of it."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        titles = {}
        for title, server, more, only in started:
            for client, command in commands.items():
                _, own, without = CLIENTS[client]
                checks = [name for name in only or CHECKS + own + more if name not in without]
                shares = SHARES.get(client, 1)
                for share in filter(None, (checks[n::shares] for n in range(shares))):
                    titles[pool.submit(use, client, command, server, client, share)] = title
        for run in concurrent.futures.as_completed(titles):
            yield titles[run], run.result()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", choices=("sluice", "moto", "elasticmq"), default="sluice")
    parser.add_argument("client", nargs="*", help=f"of {', '.join(CLIENTS)}: all by default")
    arguments = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    commands, skipped = prepared(arguments.client or list(CLIENTS))
    passed = failed = 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as closing:
        for title, result in runs(servers(arguments.server, Path(folder), closing), commands):
            good, bad = report(title, *result)
            passed, failed = passed + good, failed + bad
    print(f"{time.monotonic() - began:.0f} s")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
