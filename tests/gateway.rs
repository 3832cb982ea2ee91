//! The renderers and proxies keep their contract.
#![cfg(test)]

mod haproxy_support;

mod memory {
    use async_trait::async_trait;
    use std::{
        any::Any,
        num::NonZeroU16,
        sync::{
            Arc,
            atomic::{AtomicU16, Ordering},
        },
    };
    use vamp_core::{
        conformance::gateway::{BreakableProxy, GatewayFixture},
        driver::{self, GatewayRenderer},
        gateway_suite,
        memory::{Proxy, Renderer},
        routing::{Gateway, Instance, Traffic},
    };

    #[derive(Default)]
    struct Memory(Arc<Proxy>);

    /// One open connection of an instance.
    struct Open(Arc<Proxy>, String);

    impl Drop for Open {
        fn drop(&mut self) {
            self.0.set_connections(&self.1, 0);
        }
    }

    #[async_trait]
    impl GatewayFixture for Memory {
        fn renderer(&self) -> &dyn GatewayRenderer {
            &Renderer
        }

        fn proxy(&self) -> &dyn driver::Proxy {
            &*self.0
        }

        fn free_port(&mut self) -> NonZeroU16 {
            static NEXT: AtomicU16 = AtomicU16::new(20_000);
            NonZeroU16::new(NEXT.fetch_add(1, Ordering::Relaxed)).unwrap()
        }

        async fn silent_instance(&mut self) -> Instance {
            let (id, host) = ("silent".to_owned(), "127.0.0.1".to_owned());
            Instance { id, host, port: NonZeroU16::MIN, traffic: Traffic::Ready }
        }

        async fn open_request(&mut self, _: &Gateway, instance: &Instance) -> Box<dyn Any + Send> {
            self.0.set_connections(&instance.id, 1);
            Box::new(Open(Arc::clone(&self.0), instance.id.clone()))
        }
    }

    #[async_trait]
    impl BreakableProxy for Memory {
        async fn take_away(&mut self) {
            self.0.set_away(true);
        }
    }

    gateway_suite!(Memory::default(), breakable);
}

mod in_process {
    use async_trait::async_trait;
    use std::{
        any::Any,
        num::NonZeroU16,
        sync::atomic::{AtomicU16, Ordering},
    };
    use vamp_core::{
        condition::RequestParts,
        conformance::gateway::GatewayFixture,
        driver::{GatewayRenderer, Proxy},
        gateway_suite,
        routing::{
            Gateway, Instance, Traffic,
            router::{Entry, InProcess, InProcessRenderer},
        },
    };

    #[derive(Default)]
    struct Fixture(InProcess);

    #[async_trait]
    impl GatewayFixture for Fixture {
        fn renderer(&self) -> &dyn GatewayRenderer {
            &InProcessRenderer
        }

        fn proxy(&self) -> &dyn Proxy {
            &self.0
        }

        fn free_port(&mut self) -> NonZeroU16 {
            static NEXT: AtomicU16 = AtomicU16::new(20_000);
            NonZeroU16::new(NEXT.fetch_add(1, Ordering::Relaxed)).unwrap()
        }

        async fn silent_instance(&mut self) -> Instance {
            let (id, host) = ("silent".to_owned(), "127.0.0.1".to_owned());
            Instance { id, host, port: NonZeroU16::MIN, traffic: Traffic::Ready }
        }

        async fn open_request(&mut self, gateway: &Gateway, instance: &Instance) -> Box<dyn Any + Send> {
            let (parts, ()) = http::Request::new(()).into_parts();
            let entry = Entry::Port(gateway.port);
            let admitted = self.0.admit(entry, &RequestParts::new(&parts), 1, |_| true).unwrap();
            assert_eq!(admitted.instance(), instance);
            Box::new(admitted)
        }
    }

    gateway_suite!(Fixture::default());
}

mod haproxy {
    use crate::haproxy_support::{Haproxy, free_port};
    use async_trait::async_trait;
    use std::{
        any::Any,
        num::NonZeroU16,
        sync::atomic::{AtomicU16, Ordering},
    };
    use tokio::{
        io::AsyncWriteExt as _,
        net::{TcpListener, TcpStream},
        task::JoinHandle,
    };
    use vamp_core::{
        conformance::gateway::GatewayFixture,
        driver::{GatewayRenderer, Proxy},
        gateway_suite,
        routing::{Gateway, Instance, Traffic},
    };
    use vamp_drivers::gateway::haproxy::HaproxyRenderer;

    struct Fixture {
        haproxy: Haproxy,
        silent: Vec<JoinHandle<()>>,
    }

    impl Fixture {
        async fn start() -> Self {
            static NEXT: AtomicU16 = AtomicU16::new(0);
            let name = format!("suite-{}", NEXT.fetch_add(1, Ordering::Relaxed));
            Self { haproxy: Haproxy::start(&name).await, silent: Vec::new() }
        }
    }

    impl Drop for Fixture {
        fn drop(&mut self) {
            self.silent.iter().for_each(JoinHandle::abort);
        }
    }

    #[async_trait]
    impl GatewayFixture for Fixture {
        fn renderer(&self) -> &dyn GatewayRenderer {
            &HaproxyRenderer
        }

        fn proxy(&self) -> &dyn Proxy {
            &self.haproxy.proxy
        }

        fn free_port(&mut self) -> NonZeroU16 {
            NonZeroU16::new(free_port()).unwrap()
        }

        async fn silent_instance(&mut self) -> Instance {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let port = NonZeroU16::new(listener.local_addr().unwrap().port()).unwrap();
            self.silent.push(tokio::spawn(async move {
                let mut held = Vec::new();
                while let Ok((connection, _)) = listener.accept().await {
                    held.push(connection);
                }
            }));
            Instance { id: "silent".to_owned(), host: "127.0.0.1".to_owned(), port, traffic: Traffic::Ready }
        }

        async fn open_request(&mut self, gateway: &Gateway, _: &Instance) -> Box<dyn Any + Send> {
            let mut connection = TcpStream::connect(("127.0.0.1", gateway.port.get())).await.unwrap();
            connection.write_all(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n").await.unwrap();
            Box::new(connection)
        }
    }

    gateway_suite!(Fixture::start().await);
}
