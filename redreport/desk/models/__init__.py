"""What the desk keeps of its own: what staff asked for, and what they told a roster. All else it shows is the apps'."""

from redreport.desk.models.announcements import Announcement
from redreport.desk.models.jobs import Job, JobItem
from redreport.desk.models.roster import RosterSeat

__all__ = ["Announcement", "Job", "JobItem", "RosterSeat"]
