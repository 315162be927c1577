# One image for all services; which one is a build argument:
#   docker build --build-arg SERVICE=matching -t servicenetz/matching .
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/servicenetz
ENV PATH=/opt/servicenetz/bin:$PATH
WORKDIR /build
# what changes seldom comes first, so that it is built seldom
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN pip install --require-hashes -r requirements/build.txt -r requirements/runtime.txt
COPY contracts contracts
COPY chassis chassis
RUN pip install --no-deps --no-build-isolation ./contracts ./chassis
ARG SERVICE
COPY services/${SERVICE} service
RUN test -n "${SERVICE}" \
 && pip install --no-deps --no-build-isolation ./service \
 && pip uninstall --yes --quiet hatchling \
 && ln -s "/opt/servicenetz/bin/${SERVICE}" /opt/servicenetz/bin/service \
 && python -m compileall -q /opt/servicenetz/lib

FROM python:${PYTHON}-slim
COPY --from=build /opt/servicenetz /opt/servicenetz
ENV PATH=/opt/servicenetz/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65534:65534
EXPOSE 8080
# every service listens on 8080 here (<PREFIX>_HTTP_PORT), whatever its prefix
HEALTHCHECK --interval=2s --timeout=5s --start-period=60s --retries=10 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health/ready', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["service"]
CMD ["run"]
