# SPDX-License-Identifier: MIT
"""Peal's fibers in gdb, in live processes and in dumps: see peal-gdb(7), or `help peal`.

Everything is read from memory by the table `peal_debug` that libpeal exports (core/runtime/debug.h), so it needs
neither debug info nor the process to run. Backtraces come from an unwinder: while a command of ours looks
at a parked fiber, gdb is told that the newest frame of the selected thread was called by what the fiber's
saved registers say. Nothing is written to the process.
"""

import contextlib
import functools
import re
import struct
import time

import gdb
import gdb.unwinder

VERSION = 1
WORD, ADDRESS, MANGLED = 0, 1, 2  # enum peal_register_kind
CAUSES = {1: "cancelled", 2: "expired"}  # enum peal_cause
FS_GUARD = 0x30  # offsetof(tcbhead_t, pointer_guard), glibc on x86-64


def memory(address, size):
    return gdb.selected_inferior().read_memory(address, size).tobytes()


def pointer(address):
    return struct.unpack("=Q", memory(address, 8))[0]


def number(address):
    return struct.unpack("=I", memory(address, 4))[0]


def nanoseconds(address):
    return struct.unpack("=q", memory(address, 8))[0]


def byte(address):
    return memory(address, 1)[0]


def text(address, most=256):
    """The string at an address, "" for NULL."""
    found = b""
    while address and len(found) < most and b"\0" not in found:
        found += memory(address + len(found), 1)
    return found.split(b"\0")[0].decode(errors="replace")


def evaluate(expression):
    """A C expression as a number, whatever language the frame is in."""
    language = gdb.parameter("language")
    gdb.execute("set language c", to_string=True)
    try:
        return int(gdb.parse_and_eval(expression))
    finally:
        gdb.execute("set language " + language, to_string=True)


class Layout:
    """The table, as the process has it."""

    def __init__(self):
        try:
            table = evaluate("(unsigned long)&peal_debug")
        except gdb.error:
            raise gdb.GdbError("There is no libpeal here, or one too old: it has no symbol peal_debug.")
        try:
            self.read(table)
        except gdb.MemoryError:
            raise gdb.GdbError("The process does not run yet: its memory has no libpeal.")

    def read(self, table):
        magic, version, count, entries, registers, self.runtimes = struct.unpack(
            "=8sIIQQQ", memory(table, 40))
        if magic != b"pealdbg\0" or not entries:
            raise gdb.GdbError("The process has not started yet: libpeal is not relocated.")
        if version != VERSION:
            raise gdb.GdbError("This libpeal's table has version %u, this script knows %u: take the script "
                               "that was installed with the library." % (version, VERSION))
        self.numbers = {}
        for name, value in struct.iter_unpack("=24sq", memory(entries, 32 * count)):
            self.numbers[name.split(b"\0")[0].decode()] = value
        self.words = {(name.split(".")[0], value): name.split(".")[1] for name, value in self.numbers.items()}
        self.task_bytes = 32 + max(value for name, value in self.numbers.items() if name.startswith("task."))
        self.registers = []
        while byte(registers):
            name, offset, kind = struct.unpack("=8sII", memory(registers, 16))
            self.registers.append((name.split(b"\0")[0].decode(), offset, kind))
            registers += 16

    def __getitem__(self, name):
        return self.numbers[name]

    def word_for(self, kind, value):
        """The name of an enumerator: word_for("state", 3) is "waiting"."""
        return self.words.get((kind, value), str(value))

    def list(self, head, link):
        """The objects of a struct peal_list, by the place of the link in each."""
        entry = pointer(head)
        while entry != head:
            yield entry - link
            entry = pointer(entry)


class Fiber:
    def __init__(self, layout, shard, task):
        self.layout, self.shard, self.address = layout, shard, task
        self.task = memory(task, layout.task_bytes)  # at once: there may be a million
        name = layout["task.name"]
        self.name = self.task[name:name + 32].split(b"\0")[0].decode(errors="replace")
        self.state = layout.word_for("state", self.task[layout["task.state"]])
        self.since = struct.unpack_from("=q", self.task, layout["task.since"])[0]
        self.context = self.member("context")
        stack = self.member("stack")
        self.low = pointer(stack + layout["stack.low"])
        self.high = self.low + pointer(stack + layout["stack.size"])
        self.thread = None

    def member(self, name):
        return struct.unpack_from("=Q", self.task, self.layout["task." + name])[0]

    def has(self, address):
        return self.low <= address < self.high

    def scope(self):
        """The innermost scope that it is in, 0 for none."""
        return self.member("scope")

    def scope_words(self):
        scope = self.scope()
        if not scope:
            return "-"
        name = text(pointer(scope + self.layout["scope.name"])) or "unnamed"
        cause = CAUSES.get(number(scope + self.layout["scope.cause"]))
        return "%s (%s)" % (name, cause) if cause else name

    @functools.cached_property
    def waits_for(self):
        if self.thread or self.state != "waiting":
            return "-"
        wait = self.member("wait")
        if wait:
            return text(pointer(wait + self.layout["wait.what"])) or "?"
        scope = self.scope()
        if (scope and scope != self.member("within")
                and byte(scope + self.layout["scope.closing"])):
            return "its scope's tasks"
        return "something"

    def waits_since(self):
        if self.waits_for == "-" or not self.since:
            return "-"
        return "%.3f s" % (max(0, self.shard.runtime.now - self.since) / 1e9)

    def state_words(self):
        return "on thread %d" % self.thread.num if self.thread else self.state

    def registers(self):
        """What was saved when it gave way, by gdb's names."""
        return {name: self.saved(offset, kind) for name, offset, kind in self.layout.registers}

    def saved(self, offset, kind):
        if kind == ADDRESS:
            return self.context + offset
        value = pointer(self.context + offset)
        return demangled(value) if kind == MANGLED else value


def demangled(value):
    """What PTR_MANGLE of glibc has hidden: turned left by 17 bits after an exclusive or."""
    guard = pointer(evaluate("(unsigned long)$fs_base") + FS_GUARD)
    return ((value >> 17) | (value << 47)) & 0xffffffffffffffff ^ guard


class Shard:
    def __init__(self, layout, runtime, address):
        self.runtime, self.address = runtime, address
        self.index = number(address + layout["shard.index"])
        self.clock = nanoseconds(address + layout["shard.clock"])
        self.fibers = [Fiber(layout, self, task) for task in
                       layout.list(address + layout["shard.tasks"], layout["task.link"])]


class Runtime:
    def __init__(self, layout, address):
        self.address = address
        self.name = text(address + layout["rt.name"], 32)
        self.backend = text(pointer(address + layout["rt.backend"]))
        self.state = layout.word_for("life", number(address + layout["rt.state"]))
        shards = pointer(address + layout["rt.shards"])
        count = number(address + layout["rt.shard_count"]) if shards else 0
        found = [pointer(shards + 8 * i) for i in range(count)]
        self.shards = [Shard(layout, self, shard) for shard in found if shard]

    def last_turn(self):
        return max([shard.clock for shard in self.shards] + [0])

    @functools.cached_property
    def now(self):
        """The present for a process on this machine, the last turn of a shard for a dump."""
        if not is_here():
            return self.last_turn()
        return max(self.last_turn(), time.clock_gettime_ns(time.CLOCK_MONOTONIC))


def is_here():
    connection = getattr(gdb.selected_inferior(), "connection", None)
    return bool(gdb.selected_inferior().pid) and connection is not None and connection.type == "native"


def select(level):
    """A frame of the selected thread; without a word, which gdb's command would have."""
    frame = gdb.newest_frame()
    while level and frame.older():
        frame, level = frame.older(), level - 1
    frame.select()


class Selection:
    """The selected thread and frame, put back afterwards."""

    def __enter__(self):
        self.thread = gdb.selected_thread()
        try:
            self.level = gdb.selected_frame().level()
        except (gdb.error, AttributeError):
            self.level = 0
        return self

    def __exit__(self, *_):
        gdb.invalidate_cached_frames()
        if self.thread and self.thread.is_valid():
            self.thread.switch()
            select(self.level)


def note_threads(fibers):
    """Who runs, or is just about to leave or be entered, is on the thread whose stack pointer says so."""
    with Selection():
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            stack = int(gdb.newest_frame().read_register("sp"))
            for fiber in fibers:
                if fiber.has(stack):
                    fiber.thread = thread


def find_all():
    """All runtimes, and all fibers in the order in which they are numbered."""
    if gdb.selected_thread() is None:
        raise gdb.GdbError("There is no process and no dump.")
    layout = Layout()
    try:
        runtimes = [Runtime(layout, address) for address in layout.list(layout.runtimes, layout["rt.link"])]
    except gdb.MemoryError as e:
        raise gdb.GdbError("The dump lacks memory of the runtime: %s" % e)
    fibers = [fiber for runtime in runtimes for shard in runtime.shards for fiber in shard.fibers]
    for i, fiber in enumerate(fibers):
        fiber.id = i + 1
    note_threads(fibers)
    return runtimes, fibers


class Unwinder(gdb.unwinder.Unwinder):
    """Puts a fiber where the caller of the selected thread's newest frame was."""

    def __init__(self):
        super().__init__("peal-fiber")
        self.enabled = False
        self.fiber = None

    def begin(self, fiber):
        frame = gdb.newest_frame()
        self.thread_at = int(frame.read_register("sp")), int(frame.read_register("pc"))
        self.fiber, self.saved = fiber, fiber.registers()
        self.enabled = True
        gdb.invalidate_cached_frames()

    def end(self):
        self.enabled = False
        gdb.invalidate_cached_frames()

    def __call__(self, pending):
        stack, code = pending.read_register("sp"), pending.read_register("pc")
        if (int(stack), int(code)) != self.thread_at:
            return None
        info = pending.create_unwind_info(FrameId(self.fiber.context - 64, int(code)))
        for name, value in self.saved.items():
            kind = pending.read_register(name).type
            info.add_saved_register(name, gdb.Value(value).cast(kind))
        return info


class FrameId:
    """Below the fiber's frames, or gdb would take the way to them for a corrupt stack."""

    def __init__(self, sp, pc):
        self.sp, self.pc = gdb.Value(sp), gdb.Value(pc)


unwinder = Unwinder()
gdb.unwinder.register_unwinder(None, unwinder, replace=True)


class Visit:
    """gdb as if the fiber ran: `first` is the level of its newest frame."""

    def __init__(self, fiber):
        self.fiber, self.selection = fiber, Selection()

    def __enter__(self):
        self.selection.__enter__()
        try:
            self.enter()
        except BaseException:
            self.__exit__()
            raise
        return self

    def enter(self):
        self.first = 0
        if self.fiber.thread:
            self.fiber.thread.switch()
            select(0)
            return
        if not self.fiber.layout.registers:
            raise gdb.GdbError("Nobody has told how this build's context switch saves registers.")
        unwinder.begin(self.fiber)
        frame = gdb.newest_frame()
        while frame is not None and not self.fiber.has(int(frame.read_register("sp"))):
            frame, self.first = frame.older(), self.first + 1
        if frame is None:
            raise gdb.GdbError("gdb does not get to the stack of this fiber.")
        frame.select()

    def __exit__(self, *_):
        unwinder.end()
        self.selection.__exit__()

    def backtrace(self, options):
        """gdb's own, without the frames of the thread, and numbered from 0."""
        count = re.match(r"(.*?)\b(\d+)$", options)
        if count and not count[1].endswith("-"):
            options = count[1] + str(int(count[2]) + self.first)
        lines, wanted = [], not self.first
        for line in gdb.execute("backtrace " + options, to_string=True).splitlines():
            level = re.match(r"#(\d+)( *)(.*)", line)
            if level:
                wanted = int(level[1]) >= self.first
                line = "#%-2d %s" % (int(level[1]) - self.first, level[3])
            if wanted:
                lines.append(line)
        return "\n".join(lines)


def title(fiber):
    words = 'Fiber %d "%s" of shard %d, %s' % (fiber.id, fiber.name, fiber.shard.index, fiber.state_words())
    if fiber.waits_for != "-":
        words += " for %s, %s" % (fiber.waits_for, fiber.waits_since())
    return words


def chosen(fibers, which):
    """By number, by address, by name, or all."""
    if which == "all":
        return fibers
    found = [fiber for fiber in fibers if which in (str(fiber.id), fiber.name, hex(fiber.address))]
    if not found:
        raise gdb.GdbError('There is no fiber "%s": "peal fibers" lists them.' % which)
    return found


@contextlib.contextmanager
def tolerated(which):
    """Of all fibers, one that cannot be looked at does not keep us from the others."""
    try:
        yield
    except gdb.error as e:
        if which != "all":
            raise
        print(e)


def columns(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()


class Peal(gdb.Command):
    """Commands for programs that use Peal: fibers, and their stacks."""

    def __init__(self):
        super().__init__("peal", gdb.COMMAND_STATUS, prefix=True)


class Fibers(gdb.Command):
    """List the fibers of every runtime of the process: peal fibers

Each with its number, for `peal bt'; its state: ready, waiting, or the thread it runs on; its name; the
innermost scope that it is in, and whether that is cancelled; what it waits for, and since when. Tasks that
have not started yet are no fibers."""

    def __init__(self):
        super().__init__("peal fibers", gdb.COMMAND_STATUS)

    def invoke(self, _argument, _from_tty):
        runtimes, _ = find_all()
        if not runtimes:
            print("No runtime.")
        for runtime in runtimes:
            print('Runtime "%s" at %#x: %s, %s, %d shards' % (
                runtime.name, runtime.address, runtime.backend, runtime.state, len(runtime.shards)))
            rows = [("Id", "Shard", "State", "Name", "Scope", "Waits for", "Since", "Task")]
            for shard in runtime.shards:
                rows += [self.row(fiber) for fiber in shard.fibers]
            for line in columns(rows):
                print("  " + line)
        if runtimes and not is_here():
            print("(Since is counted up to the last turn of a shard: a dump does not tell its own time.)")

    @staticmethod
    def row(fiber):
        return (str(fiber.id), str(fiber.shard.index), fiber.state_words(), fiber.name or "-",
                fiber.scope_words(), fiber.waits_for, fiber.waits_since(), hex(fiber.address))


class Backtrace(gdb.Command):
    """Backtrace of fibers: peal bt NUMBER|NAME|ADDRESS|all [OPTIONS]

NUMBER is that of `peal fibers', and stays the same while the process does not run; ADDRESS is that of its task.
OPTIONS are those of `backtrace', such as `full' or `-3'."""

    def __init__(self):
        super().__init__("peal bt", gdb.COMMAND_STACK)

    def invoke(self, argument, _from_tty):
        which, _, options = argument.strip().partition(" ")
        if not which:
            raise gdb.GdbError("Which fiber? peal bt NUMBER|NAME|ADDRESS|all [OPTIONS]")
        for fiber in chosen(find_all()[1], which):
            print(title(fiber))
            with tolerated(which), Visit(fiber) as visit:
                print(visit.backtrace(options))
            print()


class Apply(gdb.Command):
    """Run a command on the stack of fibers: peal apply NUMBER|NAME|ADDRESS|all COMMAND

As `thread apply': the newest frame of the fiber is selected, so `info locals', `up 3' and `print' work;
several commands are separated by `;'. Frames have the numbers that gdb gives them here, not those of `peal bt'."""

    def __init__(self):
        super().__init__("peal apply", gdb.COMMAND_STACK)

    def invoke(self, argument, _from_tty):
        which, _, commands = argument.strip().partition(" ")
        if not commands:
            raise gdb.GdbError("What, with which? peal apply NUMBER|NAME|ADDRESS|all COMMAND")
        for fiber in chosen(find_all()[1], which):
            print(title(fiber))
            with tolerated(which), Visit(fiber):
                for command in commands.split(";"):
                    gdb.execute(command.strip())


Peal()
Fibers()
Backtrace()
Apply()
