from chassis.testing.network import Outside, until
from contracts import job_exchange_commands_v1 as commands, job_exchange_jobs_v1 as jobs, replies_v1
from contracts.ids import uuid7
from sqlalchemy import text
from toy_service.service import Settings, build

async def test_one(start_service, outside):
    svc = await start_service(build, Settings, "job-exchange")
    job, client = uuid7(), uuid7()
    mid = await outside.send(commands.CancelJob(job_id=job, client_id=client, reason=commands.CancelReason.done_otherwise), actor=f"partner:{client}")
    reply = await outside.reply_to(mid, replies_v1.TOPICS[1])
    print(reply)
    e = await outside.message(jobs.JobCancelled, job)
    print(e)
    async def seen():
        async with svc.engine.connect() as db:
            return (await db.execute(text("select seen from accounts where id=:i"),{"i":str(job)})).scalar()
    async def timer():
        s = await seen(); return s and "timer remind" in s
    await until(timer)
    print(await seen())
