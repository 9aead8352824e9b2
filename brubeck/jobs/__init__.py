"""Longer running jobs: sent from anywhere, done by workers, followed as a stream.

class Resize(JobHandler):
    def work(self):
        return {'size': resize(self.data['picture'])}

class Jobs(JobStream):
    handlers = [(r'^/resize$', Resize)]

class Pictures(WebMessageHandler):
    def post(self):
        return self.application.jobs.send('/resize', {'picture': …})
"""

from brubeck.jobs.documents import Job, OwnedJob
from brubeck.jobs.errors import GiveUp, JobLost
from brubeck.jobs.handler import JobHandler
from brubeck.jobs.sending import Jobs, Sent
from brubeck.jobs.stream import JobStream

__all__ = ["GiveUp", "Job", "JobHandler", "JobLost", "JobStream", "Jobs", "OwnedJob", "Sent"]
