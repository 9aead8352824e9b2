"""Messages and jobs: input of handlers that does not come by HTTP.

`ZeroMQConnection` takes messages as they come. `JobsConnection` takes jobs from a queue in Redis,
which keeps each of them until it is done.
"""

from brubeck.connections.jobs.messages import Message, read_message, write_message
from brubeck.connections.jobs.queue import (
    DeadLetter,
    Delivery,
    Depth,
    Job,
    JobQueue,
    QueueUnavailable,
)
from brubeck.connections.jobs.worker import JobsConnection
from brubeck.connections.jobs.zeromq import ZeroMQConnection

__all__ = [
    "DeadLetter",
    "Delivery",
    "Depth",
    "Job",
    "JobQueue",
    "JobsConnection",
    "Message",
    "QueueUnavailable",
    "ZeroMQConnection",
    "read_message",
    "write_message",
]
